"""Local convolution, tap by tap: one strided view of the input at a time, nothing unfolded."""

from torch import Tensor

from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.trilinear import Slot


def direct(problem: LocalConvProblem, first: Tensor, second: Tensor) -> Tensor:
    p, window = problem, problem.window

    def by_group(tensor: Tensor) -> Tensor:
        return tensor.unflatten(1, (p.groups, -1))

    taps = enumerate(tap_window.at for tap_window in window.tap_windows())
    if p.slot is Slot.INPUT:
        padded = by_group(first.new_zeros(window.batch, window.in_channels, *window.padded_spatial))
        for m, at in taps:
            padded[at] += second[:, :, m, None] * by_group(first)
        return window.crop(padded.flatten(1, 2)).contiguous()
    x = by_group(window.pad(first))
    if p.slot is Slot.OUTPUT:
        y = by_group(first.new_zeros(window.output_shape))
        for m, at in taps:
            y += second[:, :, m, None] * x[at]
        return y.flatten(1, 2)
    weight = first.new_empty(p.weight_shape)
    for m, at in taps:
        weight[:, :, m] = (x[at] * by_group(second)).sum(2)
    return weight
