"""The door to sampled (deformable) convolution."""

from torch import Tensor

from circulant.core.errors import ShapeError
from circulant.core.sizes import Shape, product
from circulant.engine.choice import FREE, Choice, current
from circulant.engine.doors import autocast_operand, require_same_kind
from circulant.engine.execute import execute
from circulant.problems.convolution import ConvolutionProblem, Padding
from circulant.problems.sampled_conv import SampledConvProblem
from circulant.problems.trilinear import Slot


def sampled_conv(
    x: Tensor,
    offset: Tensor,
    modulation: Tensor,
    kernel: Shape,
    *,
    stride: Shape,
    padding: Padding,
    dilation: Shape,
    choice: Choice = FREE,
) -> Tensor:
    """x (B, C, *spatial), offset (B, G, taps, ndim, *out), modulation (B, G, taps, *out) -> (B, C, *out).

    offset in samples; groups of C / G channels share their places and weights.
    """
    require_same_kind(("x", "offset", "modulation"), (x, offset, modulation))
    x, offset, modulation = autocast_operand(x), autocast_operand(offset), autocast_operand(modulation)
    batch, channels, *spatial = x.shape
    groups = modulation.shape[1]
    window = ConvolutionProblem(
        x.dtype, Slot.OUTPUT, batch, channels, channels, tuple(spatial), kernel, stride, padding,
        dilation, channels,
    )  # fmt: skip
    sites = (batch, groups, product(kernel))
    expected = (*sites, window.ndim, *window.output_spatial)
    if (
        channels % groups
        or tuple(offset.shape) != expected
        or tuple(modulation.shape) != (*sites, *window.output_spatial)
    ):
        raise ShapeError(
            f"expected offset (B, G, taps, ndim, *out) = {expected} with G a divisor of C = {channels}, and "
            f"modulation without its ndim, got {tuple(offset.shape)} and {tuple(modulation.shape)}"
        )
    problem = SampledConvProblem(x.dtype, groups, window)
    return execute(problem, (x, offset, modulation), choice.or_else(current()))
