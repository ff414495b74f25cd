"""A window of one to three axes as one of three, the first ones of size 1 where it has fewer."""

from dataclasses import dataclass
from typing import final

from circulant.problems.convolution import ConvolutionProblem


@final
@dataclass(frozen=True, slots=True)
class Axis:
    size: int
    out_size: int
    taps: int
    stride: int
    dilation: int
    before: int

    @property
    def span(self) -> int:
        return self.dilation * (self.taps - 1)

    @property
    def reach(self) -> int:
        """Places, counted in strides, between the results that meet one sample."""
        return self.span // self.stride


SINGLE = Axis(1, 1, 1, 1, 1, 0)


def axes_of(window: ConvolutionProblem) -> tuple[Axis, Axis, Axis]:
    before = tuple(side for side, _ in window.padding)
    axes = zip(window.spatial, window.output_spatial, window.kernel, window.stride, window.dilation, before)
    depth, rows, columns = [SINGLE] * (3 - window.ndim) + [Axis(*axis) for axis in axes]
    return depth, rows, columns
