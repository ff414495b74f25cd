r"""Global-local filter: half of the channels meet a 3x3 kernel, the other half a gain at every frequency.

    x' = layer_norm(x),   y_(2c) = w_c * x'_c,   y_(2c+1) = irfft2(K_c . rfft2(x'_(C/2+c))),   layer_norm(y)

Both norms are over the channels of each position, and the halves are interleaved. w is depthwise, padded
with zeros and without a bias. Shapes: x (B, C, H, W) -> y (B, C, H, W); K is stored for one grid, as pairs
(C / 2, H, W // 2 + 1, 2).

On another grid K is interpolated bilinearly between its first and last entries, as in the published code:
entry for entry, not frequency for frequency, so that the wrap from high to negative frequencies is blurred.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, per_axis
from circulant.engine.costs import spectral_filter_cost
from circulant.engine.spectral_filter import spectral_filter
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d

EPS, SPREAD = 1e-6, 0.02


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    (H, W), half = x.shape[2:], x.shape[1] // 2
    near, far = _norm(x, state, "before").split(half, 1)
    K = _between(_between(state["weight"], 1, H), 2, W // 2 + 1)
    y = torch.zeros_like(x)
    y[:, 0::2] = _correlate(near, state["local.weight"])
    rows, columns = torch.arange(H, dtype=x.dtype) / H, torch.arange(W // 2 + 1, dtype=x.dtype) / W
    counted = torch.tensor([1.0 if 2 * q in (0, W) else 2.0 for q in range(W // 2 + 1)], dtype=x.dtype)
    for h in range(H):
        for w in range(W):
            angle = 2 * torch.pi * (rows[:, None] * h + columns * w)
            waves = K[..., 0] * angle.cos() - K[..., 1] * angle.sin()
            tap = (waves * counted).sum((1, 2)) / (H * W)
            y[:, 1::2] += tap[:, None, None] * far.roll((h, w), (2, 3))
    return _norm(y, state, "after")


def _norm(z: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    mean = z.mean(1, keepdim=True)
    scaled = (z - mean) / torch.sqrt(((z - mean) ** 2).mean(1, keepdim=True) + 1e-6)
    return scaled * state[f"{name}.weight"][:, None, None] + state[f"{name}.bias"][:, None, None]


def _correlate(x: Tensor, weight: Tensor) -> Tensor:
    """Each channel with its own kernel; zeros around."""
    (H, W), K = x.shape[2:], weight.shape[-1]
    y = torch.zeros_like(x)
    for h in range(H):
        for w in range(W):
            for i in range(K):
                for j in range(K):
                    u, v = h + (i - K // 2), w + (j - K // 2)
                    if 0 <= u < H and 0 <= v < W:
                        y[:, :, h, w] += weight[:, 0, i, j] * x[:, :, u, v]
    return y


def _between(K: Tensor, axis: int, size: int) -> Tensor:
    """`size` entries along an axis, the first and the last at the ends, linear in between."""
    rows = []
    for n in range(size):
        place = n * (K.shape[axis] - 1) / max(size - 1, 1)
        lower = min(int(place), K.shape[axis] - 1)
        upper = min(lower + 1, K.shape[axis] - 1)
        rows.append(K.select(axis, lower) * (lower + 1 - place) + K.select(axis, upper) * (place - lower))
    return torch.stack(rows, axis)


@final
class GlobalLocalFilter2d(Operator):
    """grid: the size that the gains are stored for."""

    ndims = (2,)

    def __init__(
        self,
        channels: int,
        grid: int | tuple[int, int],
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        height, width = per_axis(grid, 2, "grid")
        if channels < 2 or channels % 2 or min(height, width) < 1:
            raise ArgumentError(
                f"expected an even number of channels and a grid of 1 or more along each axis, "
                f"got {channels} and {(height, width)}"
            )
        self.channels, half = channels, channels // 2
        self.before = nn.LayerNorm(channels, EPS, device=device, dtype=dtype)
        self.local = DepthwiseConv2d(half, (3, 3), bias=False, device=device, dtype=dtype)
        self.weight = nn.Parameter(torch.empty(half, height, width // 2 + 1, 2, device=device, dtype=dtype))
        self.after = nn.LayerNorm(channels, EPS, device=device, dtype=dtype)
        nn.init.trunc_normal_(self.weight, std=SPREAD)

    def gains(self, spatial: Shape) -> Tensor:
        """For pictures of that size, as pairs (C / 2, H, W // 2 + 1, 2)."""
        bins = (spatial[0], spatial[1] // 2 + 1)
        if bins == tuple(self.weight.shape[1:3]):
            return self.weight
        pairs = self.weight.movedim(-1, 0)
        return F.interpolate(pairs, size=bins, mode="bilinear", align_corners=True).movedim(0, -1)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        near, far = self.before(x.movedim(1, -1)).movedim(-1, 1).chunk(2, 1)
        filtered = spectral_filter(far.contiguous(), self.gains(tuple(x.shape[2:])))
        # behind the filter, which keeps single precision, and the convolution, which may not, under autocast
        both = torch.stack([self.local(near).to(filtered.dtype), filtered], -1)
        return self.after(both.movedim(1, -2).flatten(-2)).movedim(-1, 1)

    def cost(self, shape: Shape) -> Cost:
        half = (shape[0], self.channels // 2, *shape[2:])
        return self.local.cost(half) + spectral_filter_cost(half)

    def extra_repr(self) -> str:
        return f"{self.channels}, bins={tuple(self.weight.shape[1:3])}"


def _mixer(channels: int, spatial: Shape) -> GlobalLocalFilter2d:
    height, width = spatial
    return GlobalLocalFilter2d(channels, (height, width))


CARD = Card(
    operators=(GlobalLocalFilter2d,),
    reference=reference,
    papers=(
        Paper(
            "Rao, Zhao, Tang, Zhou, Lim and Lu",
            2022,
            "HorNet: Efficient High-Order Spatial Interactions with Recursive Gated Convolutions",
            "https://arxiv.org/abs/2207.14284",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 4, 3, 4), lambda: GlobalLocalFilter2d(4, (3, 4))),
        Case((1, 2, 4, 5), lambda: GlobalLocalFilter2d(2, 3)),
    ),
    refuses=(
        BadInput((2, 6, 4, 4), lambda: GlobalLocalFilter2d(4, 4), says="C = 4"),
        BadInput((2, 4, 4), lambda: GlobalLocalFilter2d(4, 4), says="(B, C, H, W)"),
        BadInput((2, 3, 4, 4), lambda: GlobalLocalFilter2d(3, 4), says="even number of channels"),
    ),
    mixer=_mixer,
)
