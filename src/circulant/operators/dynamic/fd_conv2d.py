r"""Frequency dynamic convolution: each example mixes kernels of disjoint frequencies, from one spectrum.

    y[b] = (g[b] W[b]) * F x[b] + bias,   W[b] = n irfft2(sum_i pi_i[b] group_i)

n groups of bins of the kernel's spectrum, of equal size from low to high frequencies; shares pi and gates g
(of channels, filters, taps and single weights) come from the mean of x over positions; F is a
`FrequencyBandModulation2d` for kernels of 3 x 3 and the identity for others.
Shapes: x (B, I, H, W) -> y (B, O, H_out, W_out); the spectrum is that of the sheet (O KH, I / groups KW).

With all gates neutral it is torch.nn.Conv2d with the kept kernel (`from_conv`, `weight.set_kernel`), up to
the first values of the heads, which are near zero. n must divide the number of bins. Deviations: all gates
are on the kernel, where the published code moves some to x and y for small pictures, which is the same; and
gates of channels fit groups, which the code does not allow. In training the batch norm sees all examples.
"""

from typing import Any, Self, final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import Sizes, constructor_arguments, conv_settings
from circulant.engine.convolution import convolution
from circulant.engine.costs import transform_cost
from circulant.operators.dynamic.fourier_disjoint_weight import FourierDisjointWeight
from circulant.operators.dynamic.frequency_band_modulation2d import FrequencyBandModulation2d
from circulant.operators.dynamic.kernel_spatial_modulation import KernelSpatialModulation
from circulant.problems.transform import TransformKind

EXPORTS = (FourierDisjointWeight, KernelSpatialModulation)


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    kernel: tuple[int, int] = (1, 1),
    stride: int = 1,
    g: int = 1,
    training: bool = False,
) -> Tensor:
    """Kernels without band modulation."""
    (B, C, H, W), (KH, KW), S = x.shape, kernel, state["weight.spectrum"]
    O, taps, I = len(state["modulation.filter.bias"]), kernel[0] * kernel[1], C // g
    mean, gates = x.mean((2, 3)), {}
    hidden = mean @ state["modulation.reduce.weight"].T
    centre, variance = state["modulation.norm.running_mean"], state["modulation.norm.running_var"]
    if training:
        centre, variance = hidden.mean(0), hidden.var(0, correction=0)
    hidden = (hidden - centre) / torch.sqrt(variance + 1e-5)
    hidden = hidden * state["modulation.norm.weight"] + state["modulation.norm.bias"]
    hidden = state["modulation.slope"] * hidden.clamp(min=0) ** 2 + state["modulation.shift"]
    for name in ("share", "channel", "filter", *(("tap",) if taps > 1 else ())):
        score = hidden @ state[f"modulation.{name}.weight"].T + state[f"modulation.{name}.bias"]
        gates[name] = 2 / (1 + torch.exp(-score))
    normal = (mean - mean.mean(1, keepdim=True)) / torch.sqrt(mean.var(1, correction=0, keepdim=True) + 1e-5)
    normal = normal * state["modulation.local_norm.weight"] + state["modulation.local_norm.bias"]
    line = state["modulation.local.weight"]
    outer = x.new_zeros(B, C + line.shape[2] - 1)
    outer[:, line.shape[2] // 2 : line.shape[2] // 2 + C] = normal
    local = 2 / (1 + torch.exp(-torch.einsum("bck,rk->brc", outer.unfold(1, line.shape[2], 1), line[:, 0])))
    sheet = _sheet(S, gates["share"], O * KH, I * KW)
    padded = x.new_zeros(B, C, H + KH - 1, W + KW - 1)
    padded[:, :, KH // 2 : KH // 2 + H, KW // 2 : KW // 2 + W] = x
    y = x.new_zeros(B, O, -(-H // stride), -(-W // stride)) + state["bias"][:, None, None]
    for o in range(O):
        for c in range(o // (O // g) * I, (o // (O // g) + 1) * I):
            for t in range(taps):
                own = sheet[:, o * KH + t // KW, c % I * KW + t % KW] * gates["channel"][:, c]
                own = own * gates["filter"][:, o] * local[:, o * taps + t, c]
                own = own * gates["tap"][:, t] if taps > 1 else own
                met = padded[:, c, t // KW : t // KW + H : stride, t % KW : t % KW + W : stride]
                y[:, o] += own[:, None, None] * met
    return y


def _sheet(S: Tensor, shares: Tensor, R: int, Q: int) -> Tensor:
    """The kernels of all examples (B, R, Q), wave by wave in the order of their radius."""
    radius = {(r, q): (min(r, R - r) * Q) ** 2 + (q * R) ** 2 for r in range(R) for q in range(Q // 2 + 1)}
    sheet = shares.new_zeros(len(shares), R, Q)
    for rank, (r, q) in enumerate(sorted(radius, key=lambda place: (radius[place], place))):
        share = shares[:, rank * shares.shape[1] // len(radius)] * (2 if 0 < 2 * q < Q else 1)
        angle = 2 * torch.pi * (r * torch.arange(R)[:, None] / R + q * torch.arange(Q) / Q)
        wave = S[r, q, 0] * torch.cos(angle).to(S) - S[r, q, 1] * torch.sin(angle).to(S)
        sheet = sheet + share[:, None, None] * wave / (R * Q)
    return sheet


@final
class FDConv2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        frequency_groups: int = 64,
    ) -> None:
        super().__init__()
        s = self.settings = conv_settings(
            2, in_channels, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode
        )
        kind: Any = {"device": device, "dtype": dtype}
        self.weight = FourierDisjointWeight(s.weight_shape, frequency_groups, **kind)
        self.modulation = KernelSpatialModulation(in_channels, s.weight_shape, frequency_groups, **kind)
        self.bands = FrequencyBandModulation2d(in_channels, **kind) if s.kernel == (3, 3) else None
        self.bias = nn.Parameter(torch.zeros(out_channels, **kind)) if bias else None

    def kernels(self, x: Tensor) -> Tensor:
        """x (B, I, H, W) -> (B, O, I / groups, KH, KW)."""
        gates = self.modulation(x)
        return self.weight(gates.shares) * gates.gate

    def forward(self, x: Tensor) -> Tensor:
        self.settings.require_input(x)
        batched = x if x.ndim == 4 else x[None]
        y = self._convolve(batched, self.kernels(batched))
        return y if batched is x else y[0]

    def _convolve(self, x: Tensor, kernels: Tensor) -> Tensor:
        """Every example with its own kernel: as many times the groups."""
        s, (B, _, H, W) = self.settings, x.shape
        x = x if self.bands is None else self.bands(x)
        if B == 0:  # no example has a kernel: any of them gives the empty result
            return s.convolve(x, x.new_zeros(s.weight_shape), self.bias)
        y = convolution(
            x.reshape(1, -1, H, W), kernels.flatten(0, 1), None, stride=s.stride, padding=s.padding,
            dilation=s.dilation, groups=B * s.groups, boundary=s.boundary,
        )  # fmt: skip
        y = y.view(B, s.out_channels, *y.shape[2:])
        return y if self.bias is None else y + self.bias[:, None, None].to(y.dtype)

    @classmethod
    def from_conv(cls, conv: nn.Conv2d, *, frequency_groups: int = 64) -> Self:
        """With the same kernel, and gates that are neutral at first."""
        new = cls(**constructor_arguments(conv), frequency_groups=frequency_groups)
        new.weight.set_kernel(conv.weight)
        if new.bias is not None and conv.bias is not None:
            with torch.no_grad():
                new.bias.copy_(conv.bias)
        return new

    def cost(self, shape: Shape) -> Cost:
        total = self.settings.cost(shape) + self.modulation.cost(shape[0])
        total += transform_cost(TransformKind.IRFFT, shape[0], *self.weight.sheet)
        return total if self.bands is None else total + self.bands.cost(shape)

    def extra_repr(self) -> str:
        return str(self.settings)


def _mixer(channels: int, spatial: Shape) -> FDConv2d:
    return FDConv2d(channels, channels, 3, padding=1, frequency_groups=8)


CARD = Card(
    operators=(FDConv2d,),
    reference=reference,
    papers=(
        Paper(
            "Chen, Gu, Li, Yan and Fu",
            2025,
            "Frequency Dynamic Convolution for Dense Image Prediction",
            "https://arxiv.org/abs/2503.18783",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 4, 3, 4), lambda: FDConv2d(4, 3, 1, frequency_groups=3)),
        Case(
            (2, 4, 5, 4),
            lambda: FDConv2d(4, 2, (3, 1), 2, (1, 0), groups=2, frequency_groups=4),
            {"kernel": (3, 1), "stride": 2, "g": 2},
        ),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: FDConv2d(3, 4, 1, frequency_groups=2), says="C = 3"),
        BadInput((8, 8), lambda: FDConv2d(4, 4, 1, frequency_groups=2), says="(B, C, H, W) or (C, H, W)"),
        BadInput((2, 4, 8, 8), lambda: FDConv2d(4, 4, 1), says="groups that divide the 12 bins"),
    ),
    mixer=_mixer,
)
