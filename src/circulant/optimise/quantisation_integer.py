"""Convolution in integers: 8-bit operands, sums and biases of 32 bits, results brought back to 8 bits.

    acc = sum (q_x - zero_x) q_w + b_q,   b_q = round(b / (step_x step_w))
    q_y = clamp(round(acc step_x step_w / step_y) + zero_y)

The last factor is a floating-point number, or as on processors without them a whole number of 31 bits and a
shift, which differs by one step at most. torch has no integer convolution on the CPU: the sums are taken in
float64, where integers of this size are exact.

Krishnamoorthi, 2018, Quantizing deep convolutional networks for efficient inference: A whitepaper,
https://arxiv.org/abs/1806.08342.
"""

from copy import deepcopy
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import conv2d

from circulant.core.errors import ArgumentError, DtypeError
from circulant.core.sizes import product
from circulant.optimise.quantisation_grid import QuantisationGrid

INT32 = 2**31 - 1


def int8_conv2d(
    x: Tensor,
    x_grid: QuantisationGrid,
    weight: Tensor,
    weight_grid: QuantisationGrid,
    bias: Tensor | None,
    y_grid: QuantisationGrid,
    *,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] | str = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    fixed_point: bool = False,
) -> Tensor:
    """x (B, I, H, W) and weight (O, I / groups, KH, KW) in their grids' dtypes, bias (O) in floating point.

    Returns y (B, O, H', W') in the dtype of y_grid. fixed_point: requantise without floating point.
    """
    if x.dtype != x_grid.dtype or weight.dtype != weight_grid.dtype:
        raise DtypeError(
            f"expected x {x_grid.dtype} and weight {weight_grid.dtype}, as their grids quantise, "
            f"got {x.dtype} and {weight.dtype}"
        )
    steps = (x_grid.step.double() * weight_grid.step.double()).expand(len(weight))
    require_int32(weight, x_grid)
    centred = x.double() - x_grid.zero.double()
    sums = conv2d(centred, weight.double(), None, stride, padding, dilation, groups)
    if bias is not None:
        sums = sums + quantised_bias(bias, steps).double()[:, None, None]
    factor = (steps / y_grid.step.double())[:, None, None]
    scaled = _fixed_point_product(sums.long(), factor) if fixed_point else (sums * factor).round()
    return (scaled + y_grid.zero.double()).clamp(y_grid.lowest, y_grid.highest).to(y_grid.dtype)


@final
class Int8Layer(nn.Module):
    """A convolution of torch or nn.Linear with 8-bit weights, of inputs rounded to 8 bits; no gradient.

    Shapes: x -> y as from the layer, in the dtype of x. weight int8, bias int32, and a step for each channel.
    """

    x_step: Tensor
    x_zero: Tensor
    step: Tensor
    bias: Tensor | None

    def __init__(self, layer: nn.Module, weight_grid: QuantisationGrid, x_grid: QuantisationGrid) -> None:
        super().__init__()
        source: Any = layer
        require_int32(source.weight, x_grid)
        steps = (x_grid.step.double() * weight_grid.step.double()).expand(len(source.weight))
        self.lowest, self.highest = x_grid.lowest, x_grid.highest
        self.register_buffer("x_step", x_grid.step.detach().clone())
        self.register_buffer("x_zero", x_grid.zero.detach().clone())
        self.register_buffer("step", weight_grid.step.detach().clone())
        bias = None if source.bias is None else quantised_bias(source.bias.detach(), steps)
        self.register_buffer("bias", bias)
        self.layer = _without_parameters(source, weight_grid.quantise(source.weight.detach()))

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        grid = QuantisationGrid(self.x_step, self.x_zero, self.lowest, self.highest)
        centred = grid.quantise(x).double() - self.x_zero.double()
        weight: Any = self.layer.weight
        ones = (1,) * (weight.ndim - 2)
        sums: Tensor = functional_call(self.layer, {"weight": weight.double()}, (centred,))
        if self.bias is not None:
            sums = sums + self.bias.double().reshape(-1, *ones)
        return (sums * (self.x_step.double() * self.step.double()).reshape(-1, *ones)).to(x.dtype)


def quantised_bias(bias: Tensor, steps: Tensor) -> Tensor:
    """round(bias / step) as int32, for steps (O) of x times those of the weight."""
    places = (bias.double() / steps).round()
    if places.numel() and not float(places.abs().max()) <= INT32:
        raise ArgumentError(
            f"expected biases that 32 bits hold at a step of {float(steps.min()):.2g}, got one of "
            f"{float(bias.abs().max()):.2g}; channels of weights near 0 have such steps"
        )
    return places.to(torch.int32)


def require_int32(weight: Tensor, x_grid: QuantisationGrid) -> None:
    terms = product(weight.shape[1:])
    if terms * (x_grid.highest - x_grid.lowest) * 127 > INT32:
        raise ArgumentError(f"expected sums that 32 bits hold, up to 66,310 terms of 8 bits, got {terms}")


def _fixed_point_product(sums: Tensor, factor: Tensor) -> Tensor:
    """round(sums factor) with int64 products: factor = m 2^-shift, m of 31 bits; halves go up."""
    mantissa, exponent = torch.frexp(factor)
    whole = (mantissa * 2**31).round().long()
    shift = 31 - exponent.long()
    if int(shift.min()) < 1 or int(shift.max()) > 62:
        raise ArgumentError(
            "expected factors from 2^-31 to below 2^30 between the steps, got "
            f"{float(factor.min()):.2g} to {float(factor.max()):.2g}"
        )
    half = torch.ones_like(shift) << (shift - 1)
    return ((sums * whole + half) >> shift).double()


def _without_parameters(layer: Any, weight: Tensor) -> nn.Module:
    """The layer's settings, with that weight as a buffer and without a bias."""
    bare: Any = deepcopy(layer)
    del bare.weight
    bare.register_buffer("weight", weight)
    bare.bias = None
    plain: nn.Module = bare
    return plain
