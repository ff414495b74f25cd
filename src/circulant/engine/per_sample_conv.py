"""The door to convolution whose kernel differs from example to example."""

from torch import Tensor

from circulant.core.errors import ShapeError
from circulant.core.sizes import Shape
from circulant.engine.convolution import Boundary, convolution
from circulant.problems.convolution import Padding


def per_sample_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Shape,
    padding: Padding,
    dilation: Shape,
    groups: int = 1,
    boundary: Boundary = Boundary.ZEROS,
) -> Tensor:
    """x (B, I, *spatial), weight (B, O, I / groups, *kernel), bias (B, O) -> (B, O, *output_spatial).

    One convolution with B times the groups, which is what the planner sees.
    """
    B = x.shape[0]
    if weight.ndim != x.ndim + 1 or weight.shape[0] != B or (bias is not None and len(bias) != B):
        raise ShapeError(
            f"expected a kernel for each example, weight (B, O, I / groups, *kernel) and bias (B, O) with "
            f"B = {B}, got weight {tuple(weight.shape)}"
            + ("" if bias is None else f" and bias {tuple(bias.shape)}")
        )
    if B == 0:  # no example has a kernel: one of zeros gives the empty result
        one, shared = weight.sum(0), None if bias is None else bias.sum(0)
        return convolution(
            x, one, shared, stride=stride, padding=padding, dilation=dilation, groups=groups,
            boundary=boundary,
        )  # fmt: skip
    y = convolution(
        x.reshape(1, -1, *x.shape[2:]), weight.flatten(0, 1), None if bias is None else bias.flatten(),
        stride=stride, padding=padding, dilation=dilation, groups=B * groups, boundary=boundary,
    )  # fmt: skip
    return y.view(B, -1, *y.shape[2:])
