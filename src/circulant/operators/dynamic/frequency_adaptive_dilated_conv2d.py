r"""Frequency-adaptive dilated convolution: taps spread further apart where the features are smooth.

    z = S x,   (o, l) = V * z + c,   D = 1 + d |o|,   a = sigmoid(l)
    y[b, o, p] = bias[o] + sum_{i, k} W[b, o, i, k] a[b, k, p] z[b, i](s p + k D[b, p])
    W[b] = 4 c_1 f_1 mean_k weight + 4 c_2 f_2 (weight - mean_k weight)

S is a `FrequencySelection2d`; k runs over the taps of a centred kernel. The gates c (B, I) and f (B, O) are
sigmoids of linear maps of relu(BN(U mean_p z)), two sets of them. z is replicated K // 2 samples outwards and
is zero further out; between samples it is linear.
Shapes: x (B, I, H, W) -> y (B, O, H_out, W_out), H_out = ceil(H / stride); weight (O, I / groups, K, K),
V (offset_groups (1 + K^2), I, K, K), c as many; U (max(I // 16, 16), I).

At first D is d (1 + 1e-4), all a are 1/2, and S is the identity. `padding` is what keeps the grid: "same",
or d (K // 2); the replicated border takes its place. The published code names no objective for D besides
the task's; `train.dilation_objective` is one.
"""

from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import conv_settings, settings_of
from circulant.engine.convolution import Boundary, surrounded
from circulant.engine.deformable_conv import TapGrid, deformable_conv_cost, sampled_taps
from circulant.operators.dynamic.adaptive_dilation import AdaptiveDilation, require_border
from circulant.operators.dynamic.adaptive_kernel import AdaptiveKernelDecomposition
from circulant.operators.dynamic.frequency_selection2d import FrequencySelection2d

EXPORTS = (AdaptiveKernelDecomposition,)


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    stride: int = 1,
    dilation: int = 1,
    offset_groups: int = 1,
    training: bool = False,
) -> Tensor:
    """Kernels of 3 x 3 and no selection."""
    (B, I, H, W), G, weight = x.shape, offset_groups, state["weight"]
    rows, columns = torch.arange(-1, H + 1).clamp(0, H - 1), torch.arange(-1, W + 1).clamp(0, W - 1)
    outer, out = x[:, :, rows][:, :, :, columns], (-(-H // stride), -(-W // stride))
    told = state["sampling.conv.bias"][:, None, None]
    for k in range(9):
        met = outer[:, :, k // 3 : k // 3 + H : stride, k % 3 : k % 3 + W : stride]
        told = told + torch.einsum("oc,bchw->bohw", state["sampling.conv.weight"][:, :, k // 3, k % 3], met)
    D, shares = 1 + dilation * told[:, :G].abs(), 1 / (1 + torch.exp(-told[:, G:]))
    mean = weight.mean((2, 3), keepdim=True)
    kernels: Any = 0
    for part, (channel, gate) in zip((mean, weight - mean), _gates(x, state, weight, training)):
        kernels = kernels + 4 * gate[:, :, None, None, None] * channel * part
    y = torch.zeros(B, len(weight), *out, dtype=x.dtype)
    for k in range(9):
        for i in range(I):
            g, group = i // (I // G), i // weight.shape[1]
            down = torch.arange(out[0])[:, None] * stride + 1 + (k // 3 - 1) * D[:, g]
            right = torch.arange(out[1]) * stride + 1 + (k % 3 - 1) * D[:, g]
            near_rows = (1 - (down[..., None] - torch.arange(H + 2)).abs()).clamp(min=0)
            near_columns = (1 - (right[..., None] - torch.arange(W + 2)).abs()).clamp(min=0)
            value = torch.einsum("bhwu,bhwv,buv->bhw", near_rows, near_columns, outer[:, i])
            value = value * shares[:, 9 * g + k]
            count = len(weight) * weight.shape[1] // I
            o = slice(group * count, (group + 1) * count)
            own = kernels[:, o, i % weight.shape[1], k // 3, k % 3, None, None]
            y[:, o] += own * value[:, None]
    return y + state["bias"][:, None, None]


def _gates(
    z: Tensor, state: dict[str, Tensor], weight: Tensor, training: bool
) -> list[tuple[Tensor, Tensor]]:
    """Two pairs of channel gates (B, O, I / groups, 1, 1) and filter gates (B, O)."""
    found, (O, per_group) = [], weight.shape[:2]
    for name in ("adapt.low", "adapt.high"):
        hidden = z.mean((2, 3)) @ state[f"{name}.reduce.weight"].T
        mean, variance = state[f"{name}.norm.running_mean"], state[f"{name}.norm.running_var"]
        if training:
            mean, variance = hidden.mean(0), hidden.var(0, correction=0)
        hidden = (hidden - mean) / torch.sqrt(variance + 1e-5) * state[f"{name}.norm.weight"]
        hidden = (hidden + state[f"{name}.norm.bias"]).clamp(min=0)
        channel, gate = (
            1 / (1 + torch.exp(-hidden @ state[f"{name}.{head}.weight"].T - state[f"{name}.{head}.bias"]))
            for head in ("channel", "filter")
        )
        groups = channel.shape[1] // per_group
        channel = channel.reshape(len(z), groups, per_group).repeat_interleave(O // groups, 1)
        found.append((channel[..., None, None], gate))
    return found


@final
class FrequencyAdaptiveDilatedConv2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        padding: int | str = "same",
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "replicate",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        offset_groups: int = 1,
        bands: tuple[int, ...] = (2, 4, 8),
    ) -> None:
        """bands: of the selection; none for no selection."""
        super().__init__()
        reach = kernel_size // 2
        require_border(padding, padding_mode, dilation * reach)
        s = conv_settings(2, in_channels, out_channels, kernel_size, stride, reach, 1, groups)
        kind: Any = {"device": device, "dtype": dtype}
        self.settings, self.reach = s, reach
        self.grid = TapGrid(s.kernel, s.stride, ((0, 0), (0, 0)), (1, 1))
        self.selection = FrequencySelection2d(in_channels, bands, **kind) if bands else None
        self.adapt = AdaptiveKernelDecomposition(in_channels, out_channels, groups, **kind)
        self.sampling = AdaptiveDilation(in_channels, kernel_size, stride, dilation, offset_groups, **kind)
        plain = nn.Conv2d(in_channels, out_channels, kernel_size, groups=groups, bias=bias, **kind)
        self.weight, self.bias = plain.weight, plain.bias

    def dilations(self, x: Tensor) -> Tensor:
        """How far apart the taps lie at each output, x (B, I, H, W) -> (B, offset_groups, H_out, W_out)."""
        self.settings.require_input(x)
        return self.sampling(self._padded(self._selected(x))).spacing

    def forward(self, x: Tensor) -> Tensor:
        self.settings.require_input(x)
        z = self._selected(x if x.ndim == 4 else x[None])
        outer, s = self._padded(z), self.settings
        told = self.sampling(outer)
        samples = sampled_taps(outer, told.offset, told.mask, self.grid)
        B, _, _, *out = samples.shape
        kernels = self.adapt(z, self.weight).flatten(2).unflatten(1, (s.groups, -1))
        y = kernels @ samples.flatten(3).unflatten(1, (s.groups, -1)).flatten(2, 3)
        y = y.reshape(B, s.out_channels, *out)
        y = y if self.bias is None else y + self.bias[:, None, None].to(y.dtype)
        return y if x.ndim == 4 else y[0]

    def _selected(self, x: Tensor) -> Tensor:
        return x if self.selection is None else self.selection(x)

    def _padded(self, z: Tensor) -> Tensor:
        return surrounded(z, ((self.reach,) * 2,) * 2, Boundary.REPLICATE)

    def cost(self, shape: Shape) -> Cost:
        B, I, H, W = shape
        outer, groups = (B, I, H + 2 * self.reach, W + 2 * self.reach), self.sampling.offset_groups
        total = settings_of(self.sampling.conv).cost(outer) + self.adapt.cost(B)
        total += deformable_conv_cost(outer, self.settings.weight_shape, self.grid, groups)
        return total if self.selection is None else total + self.selection.cost(shape)

    def extra_repr(self) -> str:
        return str(self.settings)


def _mixer(channels: int, spatial: Shape) -> Operator:
    return FrequencyAdaptiveDilatedConv2d(channels, channels, dilation=2)


CARD = Card(
    operators=(FrequencyAdaptiveDilatedConv2d,),
    reference=reference,
    papers=(
        Paper(
            "Chen, Gu, Zheng and Fu",
            2024,
            "Frequency-Adaptive Dilated Convolution for Semantic Segmentation",
            "https://arxiv.org/abs/2403.05369",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case(
            (2, 2, 5, 4),
            lambda: FrequencyAdaptiveDilatedConv2d(2, 2, dilation=2, bands=()),
            {"dilation": 2},
        ),
        Case(
            (2, 4, 4, 5),
            lambda: FrequencyAdaptiveDilatedConv2d(4, 2, 3, 2, groups=2, offset_groups=2, bands=()),
            {"stride": 2, "offset_groups": 2},
        ),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: FrequencyAdaptiveDilatedConv2d(3, 3), says="C = 3"),
        BadInput((8, 8), lambda: FrequencyAdaptiveDilatedConv2d(3, 3), says="(B, C, H, W) or (C, H, W)"),
        BadInput((2, 3, 8, 8), lambda: FrequencyAdaptiveDilatedConv2d(3, 3, 2), says="an odd kernel_size"),
        BadInput((2, 3, 8, 8), lambda: FrequencyAdaptiveDilatedConv2d(3, 3, 3, 1, 0), says="padding 'same'"),
    ),
    mixer=_mixer,
)
