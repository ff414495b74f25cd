r"""Wave channel mixer: channels as waves that add to the strongest one of their position, and turn in pairs.

    a = gelu(A x + b_a) (B x + b_b),   f_c = a_c + a_m  with m = argmax_c x_c at each position
    (h_(2j) + i h_(2j+1)) = w_j (f_(2j) + i f_(2j+1)),   y = V gate(gelu(bn(k * h))) + v

A and B widen C channels to e C, m is one of the first C of them, w are complex numbers, k is a 3x3 kernel
and the gate scales channels by sigmoid(S_2 relu(S_1 mean)) with C / 4 in between.
Shapes: x (B, C, H, W) -> y (B, C, H, W); A, B (e C, C), w (e C / 2, 2) as pairs, V (C, e C).

k is depthwise, or with depthwise=False in C groups of e channels. w is standard normal at the start.
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

EPS, SQUEEZE = 1e-6, 4


def reference(x: Tensor, state: dict[str, Tensor], training: bool = False) -> Tensor:
    B, _, H, W = x.shape
    wave = _gelu(_linear(x, state, "phase")) * _linear(x, state, "amplitude")
    f = torch.zeros_like(wave)
    for b in range(B):
        for h in range(H):
            for w in range(W):
                strongest = int(x[b, :, h, w].argmax())
                f[b, :, h, w] = wave[b, :, h, w] + wave[b, strongest, h, w]
    turned = torch.zeros_like(f)
    for j, (real, imag) in enumerate(state["turn"]):
        turned[:, 2 * j] = real * f[:, 2 * j] - imag * f[:, 2 * j + 1]
        turned[:, 2 * j + 1] = imag * f[:, 2 * j] + real * f[:, 2 * j + 1]
    seen = _normed(_correlate(turned, state["neighbours.weight"]), state, training)
    mean = seen.sum((2, 3), keepdim=True) / (H * W)
    logits = _linear(_linear(mean, state, "gate.squeeze").clamp(min=0), state, "gate.excite")
    return _linear(seen / (1 + torch.exp(-logits)), state, "project")


def _gelu(z: Tensor) -> Tensor:
    return z * (1 + torch.erf(z / 2**0.5)) / 2


def _normed(z: Tensor, state: dict[str, Tensor], training: bool) -> Tensor:
    """By the running statistics or, in training, by those of the examples; then GELU."""
    mean, variance = state["norm.running_mean"], state["norm.running_var"]
    if training:
        mean, variance = z.mean((0, 2, 3)), z.var((0, 2, 3), correction=0)
    scale = state["norm.weight"] / torch.sqrt(variance + 1e-6)
    z = (z - mean[:, None, None]) * scale[:, None, None] + state["norm.bias"][:, None, None]
    return _gelu(z)


def _linear(z: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    y = torch.einsum("oi,bihw->bohw", state[f"{name}.weight"][..., 0, 0], z)
    return y + state[f"{name}.bias"][:, None, None]


def _correlate(x: Tensor, weight: Tensor) -> Tensor:
    """Each output with the channels of its group; zeros around."""
    (H, W), width = x.shape[2:], weight.shape[1]
    y = torch.zeros_like(x)
    for c in range(len(weight)):
        group = x[:, c // width * width : (c // width + 1) * width]
        for h in range(H):
            for w in range(W):
                for u in range(max(h - 1, 0), min(h + 2, H)):
                    for v in range(max(w - 1, 0), min(w + 2, W)):
                        y[:, c, h, w] += group[:, :, u, v] @ weight[c, :, u - h + 1, v - w + 1]
    return y


@final
class WaveChannelMixer2d(Operator):
    """expansion: e."""

    ndims = (2,)

    def __init__(
        self,
        channels: int,
        expansion: int = 2,
        *,
        depthwise: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        wide = expansion * channels
        if channels < SQUEEZE or expansion < 1 or wide % 2:
            raise ArgumentError(
                f"expected {SQUEEZE} channels or more and an even number of them times an expansion of 1 or "
                f"more, got {channels} channels and expansion = {expansion}"
            )
        self.channels, self.wide = channels, wide
        self.phase = nn.Conv2d(channels, wide, 1, device=device, dtype=dtype)
        self.amplitude = nn.Conv2d(channels, wide, 1, device=device, dtype=dtype)
        self.turn = nn.Parameter(torch.empty(wide // 2, 2, device=device, dtype=dtype))
        groups = wide if depthwise else channels
        self.neighbours = SameConv2d(wide, wide, 3, groups=groups, device=device, dtype=dtype)
        self.norm = nn.BatchNorm2d(wide, EPS, device=device, dtype=dtype)
        self.gate = ChannelGate(wide, channels // SQUEEZE, device=device, dtype=dtype)
        self.project = nn.Conv2d(wide, channels, 1, device=device, dtype=dtype)
        nn.init.normal_(self.turn)

    def turned(self, f: Tensor) -> Tensor:
        """Each two neighbouring channels, a complex number, times their weight."""
        real, imag = f.unflatten(1, (-1, 2)).unbind(2)
        a, b = self.turn.to(f.dtype)[..., None, None].unbind(1)
        return torch.stack([a * real - b * imag, a * imag + b * real], 2).flatten(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        wave = F.gelu(self.phase(x)) * self.amplitude(x)
        strongest = wave.gather(1, x.argmax(1, keepdim=True))
        seen = self.gate(F.gelu(self.norm(self.neighbours(self.turned(wave + strongest)))))
        return self.project(seen)

    def cost(self, shape: Shape) -> Cost:
        wide = (shape[0], self.wide, *shape[2:])
        total = pointwise_cost(shape, self.wide) * 2 + pointwise_cost(wide, self.channels)
        return total + self.neighbours.cost(wide) + self.gate.cost(wide)

    def extra_repr(self) -> str:
        return f"{self.channels}, expansion={self.wide // self.channels}"


def _mixer(channels: int, spatial: Shape) -> WaveChannelMixer2d:
    return WaveChannelMixer2d(channels)


CARD = Card(
    operators=(WaveChannelMixer2d,),
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
        Case((2, 4, 3, 4), lambda: WaveChannelMixer2d(4, 1)),
        Case((1, 5, 4, 3), lambda: WaveChannelMixer2d(5, 2, depthwise=False)),
    ),
    refuses=(
        BadInput((2, 6, 4, 4), lambda: WaveChannelMixer2d(4), says="C = 4"),
        BadInput((2, 4, 4), lambda: WaveChannelMixer2d(4), says="(B, C, H, W)"),
        BadInput((2, 5, 4, 4), lambda: WaveChannelMixer2d(5, 1), says="even number"),
    ),
    mixer=_mixer,
)
