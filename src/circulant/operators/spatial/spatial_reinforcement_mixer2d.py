r"""Spatial reinforcement: what differs from the mean, seen by a near and by a far neighbourhood.

    z = W x + b,   r = z + g (z - mean_p z)
    y = V [gate(gelu(bn(k_1 * r))), gate(gelu(bn(k_3 *_2 (k_2 *_2 r))))] + v

W halves the channels, g is one factor for each of them, k_1 to k_3 are 3x3 kernels, of which the last two
have taps two samples apart and together reach 9x9 samples. Each gate scales channels by
sigmoid(S_2 relu(S_1 mean)), with a quarter as many in between. Shapes: x (B, C, H, W) -> y (B, C, H, W);
W (C / 2, C), V (C, C).

Kernels are depthwise, or dense with depthwise=False. g is 1e-5 at the start.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import pointwise_cost
from circulant.operators.spatial.channel_gate import ChannelGate
from circulant.operators.spatial.same_conv2d import SameConv2d

FIRST_GAIN, EPS, SQUEEZE = 1e-5, 1e-6, 4


def reference(x: Tensor, state: dict[str, Tensor], training: bool = False) -> Tensor:
    z = _linear(x, state, "halve")
    z = z + state["gain"][:, None, None] * (z - _mean(z))
    near = _correlate(z, state["near.weight"], 1)
    far = _correlate(_correlate(z, state["middle.weight"], 2), state["far.weight"], 2)
    both = []
    for seen, name in ((near, "near"), (far, "far")):
        seen = _normed(seen, state, f"{name}_norm", training)
        hidden = _linear(_mean(seen), state, f"{name}_gate.squeeze").clamp(min=0)
        both.append(seen / (1 + torch.exp(-_linear(hidden, state, f"{name}_gate.excite"))))
    return _linear(torch.cat(both, 1), state, "project")


def _mean(z: Tensor) -> Tensor:
    return z.sum((2, 3), keepdim=True) / (z.shape[2] * z.shape[3])


def _linear(z: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    y = torch.einsum("oi,bihw->bohw", state[f"{name}.weight"][..., 0, 0], z)
    return y + state[f"{name}.bias"][:, None, None]


def _normed(z: Tensor, state: dict[str, Tensor], name: str, training: bool) -> Tensor:
    """By the running statistics or, in training, by those of the examples; then GELU."""
    mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    if training:
        mean, variance = z.mean((0, 2, 3)), z.var((0, 2, 3), correction=0)
    scale = state[f"{name}.weight"] / torch.sqrt(variance + 1e-6)
    z = (z - mean[:, None, None]) * scale[:, None, None] + state[f"{name}.bias"][:, None, None]
    return z * (1 + torch.erf(z / 2**0.5)) / 2


def _correlate(x: Tensor, weight: Tensor, dilation: int) -> Tensor:
    """Depthwise where a kernel has one input, else dense; zeros around."""
    (H, W), K = x.shape[2:], weight.shape[-1]
    y = torch.zeros_like(x)
    for h in range(H):
        for w in range(W):
            for i in range(K):
                for j in range(K):
                    u, v = h + dilation * (i - K // 2), w + dilation * (j - K // 2)
                    if 0 <= u < H and 0 <= v < W:
                        tap, met = weight[:, :, i, j], x[:, :, u, v]
                        y[:, :, h, w] += tap[:, 0] * met if tap.shape[1] == 1 else met @ tap.T
    return y


@final
class SpatialReinforcementMixer2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        *,
        depthwise: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if channels < 1 or channels % (2 * SQUEEZE):
            raise ArgumentError(f"expected channels that are a multiple of {2 * SQUEEZE}, got {channels}")
        self.channels, half = channels, channels // 2
        groups = half if depthwise else 1

        def see(dilation: int) -> SameConv2d:
            return SameConv2d(half, half, 3, dilation=dilation, groups=groups, device=device, dtype=dtype)

        self.halve = nn.Conv2d(channels, half, 1, device=device, dtype=dtype)
        self.gain = nn.Parameter(torch.full((half,), FIRST_GAIN, device=device, dtype=dtype))
        self.near, self.middle, self.far = see(1), see(2), see(2)
        self.near_norm = nn.BatchNorm2d(half, EPS, device=device, dtype=dtype)
        self.far_norm = nn.BatchNorm2d(half, EPS, device=device, dtype=dtype)
        self.near_gate = ChannelGate(half, half // SQUEEZE, device=device, dtype=dtype)
        self.far_gate = ChannelGate(half, half // SQUEEZE, device=device, dtype=dtype)
        self.project = nn.Conv2d(channels, channels, 1, device=device, dtype=dtype)

    def reinforced(self, z: Tensor) -> Tensor:
        """z + g (z - mean z), in one pass over z."""
        gain = self.gain[:, None, None]
        return torch.addcmul(-gain * z.mean((2, 3), keepdim=True), z, 1 + gain)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        z = self.reinforced(self.halve(x))
        near = self.near_gate(F.gelu(self.near_norm(self.near(z))))
        far = self.far_gate(F.gelu(self.far_norm(self.far(self.middle(z)))))
        return self.project(torch.cat([near, far], 1))

    def cost(self, shape: Shape) -> Cost:
        C = self.channels
        half = (shape[0], C // 2, *shape[2:])
        total = pointwise_cost(shape, C // 2) + pointwise_cost(shape, C)
        total += self.near.cost(half) + self.middle.cost(half) + self.far.cost(half)
        return total + self.near_gate.cost(half) + self.far_gate.cost(half)

    def extra_repr(self) -> str:
        return str(self.channels)


def _mixer(channels: int, spatial: Shape) -> SpatialReinforcementMixer2d:
    return SpatialReinforcementMixer2d(channels)


CARD = Card(
    operators=(SpatialReinforcementMixer2d,),
    reference=reference,
    papers=(
        Paper(
            "Pay, Baskaran, Loo, Wong and See",
            2025,
            "SpaRTAN: Spatial Reinforcement Token-based Aggregation Network for Visual Recognition",
            "https://arxiv.org/abs/2507.10999",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 8, 3, 4), lambda: SpatialReinforcementMixer2d(8)),
        Case((1, 8, 4, 3), lambda: SpatialReinforcementMixer2d(8, depthwise=False)),
    ),
    refuses=(
        BadInput((2, 6, 4, 4), lambda: SpatialReinforcementMixer2d(8), says="C = 8"),
        BadInput((2, 8, 4), lambda: SpatialReinforcementMixer2d(8), says="(B, C, H, W)"),
        BadInput((2, 12, 4, 4), lambda: SpatialReinforcementMixer2d(12), says="multiple of 8"),
    ),
    mixer=_mixer,
)
