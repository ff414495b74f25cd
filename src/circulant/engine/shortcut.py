"""Convolutions that the planner leaves to torch, known again by their arguments as they were passed.

To read the arguments of a convolution and look its plan up takes longer than torch takes for a small one.
"""

from collections.abc import Hashable

import torch
from torch import Tensor

from circulant.engine.choice import FREE, current
from circulant.engine.doors import autocasts, needs_gradient
from circulant.engine.planner import remember_until_forgotten

MOST_REMEMBERED = 4096

_left_to_torch = remember_until_forgotten()


def call_of(input: Tensor, weight: Tensor, bias: Tensor | None, *numbers: object) -> Hashable | None:
    """All that the decision depends on, or None where it must be made anew.

    numbers: spatial axes, then stride, padding, dilation and groups, as they were passed.
    """
    if torch.compiler.is_compiling() or current() is not FREE or autocasts(input.device.type):
        return None
    for number in numbers:
        if type(number) not in (int, tuple):
            return None
    return (
        input.shape, input.stride(), input.dtype, input.device, weight.shape, weight.dtype,
        bias is None or bias.shape, needs_gradient(input, weight, bias), torch.get_num_threads(), numbers,
    )  # fmt: skip


def is_known(call: Hashable) -> bool:
    return call in _left_to_torch


def is_left_to_torch(call: Hashable | None) -> bool:
    return call is not None and _left_to_torch.get(call, False)


def remember(call: Hashable, left_to_torch: bool) -> None:
    if len(_left_to_torch) == MOST_REMEMBERED:
        _left_to_torch.clear()
    _left_to_torch[call] = left_to_torch
