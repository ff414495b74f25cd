r"""Deformable convolution as small hardware can afford it: depthwise, of limited range, of fixed shape.

    y[b, o, p] = sum_{i, k} w[o, i, k] z[b, i](stride p + dilation q_k + m[b, k, p])

q_k are the taps of a centred grid and z between samples is bilinear, outside zero. The offsets m come from
a convolution s of z that starts at zero, in one of three forms:

    FREE    m_k = s_k                        two numbers for each tap
    BOUND   m_k = clamp(s_k, -bound, bound)  the same: no tap leaves a window around its place
    SQUARE  m_k = clamp(s, 0, bound) q_k     one number: the taps keep their shape, a dilation for each place

z is x; with `depthwise`, z = V x for a 1x1 convolution V to the output channels, each of which then has a
kernel of its own. Shapes: x (B, I, H, W) -> y (B, O, H_out, W_out); w (O, I / groups, K, K), offset layer
(2 K^2 or 1, I, 1 or 3, 1 or 3), V (O, I, 1, 1).

s is a 3x3 convolution for BOUND and SQUARE and a 1x1 convolution for FREE and all depthwise forms, as in
the authors' layers; there is no bias. With `rounded` every place is a whole one, so that a memory is read
once for each tap and nothing is interpolated. Rounding has no slope: in training mode its gradient is taken
to be that of the number itself.
"""

from itertools import product as index_product
from math import sqrt
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.convolution import convolution
from circulant.engine.costs import convolution_problem, pointwise_cost, problem_cost
from circulant.engine.sampled_conv import sampled_conv
from circulant.operators.dynamic.tap_places import OffsetForm, TapPlaces
from circulant.problems.sampled_conv import SampledConvProblem


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    form: str = "bound",
    stride: int = 1,
    padding: int = 1,
    dilation: int = 1,
    bound: int = 8,
) -> Tensor:
    z = x
    if "pointwise.weight" in state:
        z = torch.einsum("oi,bihw->bohw", state["pointwise.weight"][:, :, 0, 0], x)
    weight, layer = state["weight"], state["places.layer.weight"]
    O, I, K, _ = weight.shape
    out_h, out_w = ((n + 2 * padding - dilation * (K - 1) - 1) // stride + 1 for n in z.shape[2:])
    top = (torch.arange(out_h) * stride - padding)[:, None] + torch.zeros(len(z), out_h, out_w)
    left = torch.arange(out_w) * stride - padding + torch.zeros(len(z), out_h, out_w)
    told = state["places.layer.bias"][:, None, None].expand(-1, out_h, out_w)
    size, reach = layer.shape[-1], dilation * (K // 2)
    for i, j in index_product(range(size), repeat=2):
        met = _interpolated(z, top + reach + i - size // 2, left + reach + j - size // 2)
        told = told + torch.einsum("oc,bchw->bohw", layer[:, :, i, j], met)
    y = z.new_zeros(len(z), O, out_h, out_w)
    for k, (i, j) in enumerate(index_product(range(K), repeat=2)):
        if form == "square":
            scale = told[:, 0].clamp(0, bound)
            down, right = scale * (i - K // 2), scale * (j - K // 2)
        else:
            down, right = told[:, 2 * k], told[:, 2 * k + 1]
        if form == "bound":
            down, right = down.clamp(-bound, bound), right.clamp(-bound, bound)
        met = _interpolated(z, top + dilation * i + down, left + dilation * j + right)
        met = met.unflatten(1, (-1, I)).repeat_interleave(O * I // z.shape[1], 1)
        y = y + torch.einsum("oi,boihw->bohw", weight[:, :, i, j], met)
    return y


def _interpolated(z: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """z (B, C, H, W) at places (B, h, w): all samples, each weighted by its nearness."""
    vertical = (1 - (down[..., None] - torch.arange(z.shape[2])).abs()).clamp(min=0)
    horizontal = (1 - (right[..., None] - torch.arange(z.shape[3])).abs()).clamp(min=0)
    return torch.einsum("bhwu,bhwv,bcuv->bchw", vertical.to(z.dtype), horizontal.to(z.dtype), z)


@final
class HardwareDeformConv2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        padding: int = 1,
        dilation: int = 1,
        groups: int = 1,
        *,
        form: OffsetForm = OffsetForm.BOUND,
        depthwise: bool = False,
        bound: int = 8,
        rounded: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups or (depthwise and groups != 1):
            raise ArgumentError(
                f"expected groups to divide {in_channels} and {out_channels} channels, and 1 group with "
                f"depthwise=True, got groups = {groups}"
            )
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        channels = out_channels if depthwise else in_channels
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel_size
        self.stride, self.margin = stride, padding - dilation * (kernel_size // 2)
        self.groups = out_channels if depthwise else groups
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False, **factory) if depthwise else None
        size = 1 if depthwise or form is OffsetForm.FREE else 3
        self.places = TapPlaces(
            channels, kernel_size, stride, dilation, self.margin, form=form, size=size, bound=bound,
            rounded=rounded, **factory,
        )  # fmt: skip
        kernel = (out_channels, channels // self.groups, kernel_size, kernel_size)
        self.weight = nn.Parameter(torch.empty(kernel, **factory))
        nn.init.kaiming_uniform_(self.weight, a=sqrt(5))  # as torch.nn.Conv2d

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.in_channels, self.ndims)
        z = x if self.pointwise is None else self.pointwise(x)
        places, taps = self.places(z)[:, :, None], self.kernel_size**2
        met = sampled_conv(
            z.repeat(1, taps, 1, 1), places, torch.ones_like(places[:, :, :, 0]), (1, 1),
            stride=(self.stride,) * 2, padding=((self.margin,) * 2,) * 2, dilation=(1, 1),
        ).unflatten(1, (taps, self.groups, -1))  # fmt: skip
        kernel = self.weight.to(met.dtype).flatten(2).transpose(1, 2)  # (O, K^2, I / groups)
        if kernel.shape[2] == 1 and self.groups == self.out_channels:
            return (met[:, :, :, 0] * kernel[:, :, 0].T[..., None, None]).sum(1)
        return convolution(
            met.transpose(1, 2).flatten(1, 3), kernel.flatten(1)[..., None, None], stride=(1, 1),
            padding=((0, 0),) * 2, dilation=(1, 1), groups=self.groups,
        )  # fmt: skip

    def cost(self, shape: Shape) -> Cost:
        """With `depthwise`, the products with the kernels are elementwise and not counted."""
        B, _, H, W = shape
        total = Cost() if self.pointwise is None else pointwise_cost(shape, self.out_channels)
        layer, taps, m = self.places.layer, self.kernel_size**2, self.margin
        C, steps, around = layer.in_channels, (self.stride,) * 2, ((layer.kernel_size[0] // 2 + m,) * 2,) * 2
        maps, told = (B, C, H, W), tuple(layer.weight.shape)
        total += problem_cost(convolution_problem(maps, told, stride=steps, padding=around))
        window = convolution_problem(
            (B, taps * C, H, W), (taps * C, 1, 1, 1), stride=steps, padding=((m, m),) * 2, groups=taps * C
        )
        total += problem_cost(SampledConvProblem(torch.float32, taps, window))
        if self.groups == self.out_channels == C:
            return total
        columns, kernel = window.output_shape, (self.out_channels, taps * C // self.groups, 1, 1)
        return total + problem_cost(convolution_problem(columns, kernel, groups=self.groups))

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, form={self.places.form.name}, groups={self.groups}"


EXPORTS = (OffsetForm,)


def _mixer(channels: int, spatial: Shape) -> HardwareDeformConv2d:
    return HardwareDeformConv2d(channels, channels, form=OffsetForm.SQUARE, depthwise=True)


CARD = Card(
    operators=(HardwareDeformConv2d,),
    reference=reference,
    papers=(
        Paper(
            "Huang, Wang, Gao, Cai, Dong, Wu, Keutzer and Wawrzynek",
            2020,
            "Algorithm-hardware Co-design for Deformable Convolution",
            "https://arxiv.org/abs/2002.08357",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 2, 3, 4), lambda: HardwareDeformConv2d(2, 3)),
        Case(
            (1, 4, 4, 3),
            lambda: HardwareDeformConv2d(4, 2, stride=2, padding=2, groups=2, form=OffsetForm.FREE),
            {"form": "free", "stride": 2, "padding": 2},
        ),
        Case(
            (2, 2, 4, 3),
            lambda: HardwareDeformConv2d(2, 3, form=OffsetForm.SQUARE, depthwise=True),
            {"form": "square"},
        ),
        Case(
            (1, 2, 3, 4),
            lambda: HardwareDeformConv2d(2, 2, padding=2, dilation=2, form=OffsetForm.SQUARE, bound=1),
            {"form": "square", "padding": 2, "dilation": 2, "bound": 1},
        ),
    ),
    refuses=(
        BadInput((2, 8, 6, 6), lambda: HardwareDeformConv2d(4, 4), says="C = 4"),
        BadInput((4, 6, 6), lambda: HardwareDeformConv2d(4, 4), says="(B, C, H, W)"),
        BadInput((2, 4, 6, 6), lambda: HardwareDeformConv2d(4, 4, 2), says="odd kernel_size"),
        BadInput((2, 4, 6, 6), lambda: HardwareDeformConv2d(4, 6, groups=4), says="groups to divide"),
    ),
    mixer=_mixer,
)
