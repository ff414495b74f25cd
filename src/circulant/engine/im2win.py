"""The layout of im2win, for products with filters of one's own."""

from torch import Tensor

from circulant.algorithms import im2win_layout
from circulant.core.errors import ShapeError
from circulant.core.sizes import Shape
from circulant.engine.convolution import Boundary, problem_for
from circulant.problems.convolution import Padding


def im2win_transform(x: Tensor, kernel: Shape, *, stride: Shape, padding: Padding, dilation: Shape) -> Tensor:
    """x (B, C, H, W) -> I (B, C, Ho, W' kh) with I[n, c, m, w kh + r] = x[n, c, m s + r d, w], x padded."""
    if x.ndim != 4:
        raise ShapeError(f"expected x (B, C, H, W), got x {tuple(x.shape)}; add or join axes")
    weight = x.new_empty(1, x.shape[1], *kernel)  # whose sizes alone matter
    problem = problem_for(
        x, weight, stride=stride, padding=padding, dilation=dilation, groups=1, boundary=Boundary.ZEROS
    )
    return im2win_layout.im2win_transform(problem, x)
