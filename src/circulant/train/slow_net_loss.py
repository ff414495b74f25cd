"""A loss between slow nets: the kernels of neighbouring blocks should agree.

After Zhang (2024), HyperZcdotZcdotW Operator Connects Slow-Fast Networks for Full Context Interaction,
https://arxiv.org/abs/2401.17948, and its published code.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor

from circulant.core.errors import ShapeError
from circulant.models.terminator import Terminator
from circulant.train.objective import Loss


def slow_net_loss(kernels: Sequence[Tensor]) -> Tensor:
    """Sum over neighbours of mean((W repeated to as many channels - W')^2), kernels (C, S, S) in order."""
    if len(kernels) < 2:
        raise ShapeError(f"expected the kernels of 2 blocks or more, got {len(kernels)}")
    errors = []
    for shallow, deep in pairwise(kernels):
        if deep.shape[1:] != shallow.shape[1:] or deep.shape[0] % shallow.shape[0]:
            raise ShapeError(
                f"expected kernels (C, S, S) of one size, each with a multiple of the channels before, got "
                f"{tuple(shallow.shape)} and then {tuple(deep.shape)}"
            )
        repeated = shallow.repeat(deep.shape[0] // shallow.shape[0], 1, 1)
        errors.append(F.mse_loss(repeated, deep))
    return sum(errors[1:], errors[0])


def with_slow_net_loss(network: Terminator, loss: Loss = F.cross_entropy) -> Loss:
    """The loss for `fit`: that of the outputs, and that of the network's kernels."""

    def total(output: Tensor, target: Tensor) -> Tensor:
        return loss(output, target) + slow_net_loss(network.hyper_kernels())

    return total
