"""The door to local (spatially varying) convolution."""

from collections.abc import Sequence

import torch
from torch import Tensor

from circulant.core.errors import ShapeError
from circulant.core.sizes import Shape
from circulant.engine.choice import FREE, Choice, current
from circulant.engine.doors import autocast_operand, require_same_kind
from circulant.engine.trilinear import TrilinearOp
from circulant.problems.convolution import ConvolutionProblem, Padding
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.trilinear import Slot


def problem_of(
    slot: Slot, first: Shape, second: Shape, settings: Sequence[int], dtype: torch.dtype
) -> LocalConvProblem:
    """settings: spatial, kernel, stride, before, after, dilation (ndim each), then groups."""
    ndim = len(first) - 2
    spatial, kernel, stride, before, after, dilation = (
        tuple(settings[i * ndim : (i + 1) * ndim]) for i in range(6)
    )
    batch, channels = first[:2]
    window = ConvolutionProblem(
        dtype, slot, batch, channels, channels, spatial, kernel, stride,
        tuple(zip(before, after)), dilation, channels,
    )  # fmt: skip
    return LocalConvProblem(dtype, slot, settings[-1], window)


CONVOLVE_LOCALLY = TrilinearOp("local_conv", problem_of)


def local_conv(
    x: Tensor,
    weight: Tensor,
    kernel: Shape,
    *,
    stride: Shape,
    padding: Padding,
    dilation: Shape,
    choice: Choice = FREE,
) -> Tensor:
    """x (B, C, *spatial), weight (B, G, prod(kernel), *output_spatial) -> (B, C, *output_spatial)."""
    x, weight = autocast_operand(x), autocast_operand(weight)
    require_same_kind(("x", "weight"), (x, weight))
    groups = weight.shape[1]
    if groups < 1:
        raise ShapeError(f"expected weight of at least 1 group, got weight {tuple(weight.shape)}")
    before, after = zip(*padding)
    settings = [*x.shape[2:], *kernel, *stride, *before, *after, *dilation, groups]
    problem = problem_of(Slot.OUTPUT, tuple(x.shape), tuple(weight.shape), settings, x.dtype)
    if x.shape[1] % groups or tuple(weight.shape) != problem.weight_shape:
        raise ShapeError(
            f"expected weight (B, G, taps, *output_spatial) = {problem.weight_shape} with G a divisor of "
            f"C = {x.shape[1]}, got {tuple(weight.shape)}"
        )
    return CONVOLVE_LOCALLY(Slot.OUTPUT, x, weight, settings, choice.or_else(current()))
