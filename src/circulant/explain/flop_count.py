"""The multiplications and additions of a network's convolutions and matrix products."""

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.evaluation import in_evaluation


def flop_count(network: nn.Module, x: Tensor) -> int:
    """In flop, two for each multiply-add, in evaluation; biases, norms and activations are not counted."""
    with in_evaluation(network), torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(x)
    return int(counter.get_total_flops())
