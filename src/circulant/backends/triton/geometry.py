"""Windows of one to three axes as kernels take them: always three, the missing ones of one sample."""

from dataclasses import dataclass
from typing import final

from circulant.core.sizes import Shape, product
from circulant.problems.convolution import ConvolutionProblem

AXES = 3


@final
@dataclass(frozen=True, slots=True)
class Geometry:
    """Sizes along (depth, row, column)."""

    source: Shape
    target: Shape
    kernel: Shape
    stride: Shape
    dilation: Shape
    before: Shape

    @property
    def source_samples(self) -> int:
        return product(self.source)

    @property
    def target_samples(self) -> int:
        return product(self.target)

    @property
    def taps(self) -> int:
        return product(self.kernel)

    @property
    def steps(self) -> tuple[Shape, Shape, Shape]:
        """Stride, dilation, zeros before: what a kernel needs to find the sample that a tap meets."""
        return self.stride, self.dilation, self.before


def geometry_of(window: ConvolutionProblem) -> Geometry:
    missing = AXES - window.ndim

    def three(sizes: Shape, filler: int) -> Shape:
        return (filler,) * missing + sizes

    return Geometry(
        source=three(window.spatial, 1),
        target=three(window.output_spatial, 1),
        kernel=three(window.kernel, 1),
        stride=three(window.stride, 1),
        dilation=three(window.dilation, 1),
        before=three(tuple(before for before, _ in window.padding), 0),
    )
