r"""Spectral pooling aggregation: features scaled by a sum of their own balances of low and high frequencies.

    u = V * (H * (W_in x)),   c = sum_i W_i pool_i(u_i),   y = W_out (u c)

Shapes: x (B, C, H, W) -> y (B, C, H, W). H and V are depthwise convolutions with 1 x K and K x 1 taps, u_i
the chunks of the channels, one for each gain, and pool_i the spectral pooling filter with that gain: low
frequencies are scaled by it, high ones by one minus it, what lies on the cutoff by 1 / 3. W_i maps a chunk
to all channels. Chunks are as torch.chunk cuts them, the last one may be smaller.

The convolutions see zeros outside, the filters a circle. The paper calls the operator SPAM.
"""

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import spectral_filter_cost
from circulant.operators.spectral.planned_conv2d import PlannedConv2d
from circulant.operators.spectral.radial_gain import radial_gain

KERNEL, RADIUS, GAINS = 7, 2.0, (0.7, 0.8, 0.9)  # published; the radius is 1 in the two coarser stages


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    radius: float = RADIUS,
    gains: Sequence[float] = GAINS,
) -> Tensor:
    B, C, H, W = x.shape

    def depthwise(values: Tensor, name: str) -> Tensor:
        weight = state[f"{name}.weight"][:, 0, :, :, None, None]
        rows, columns = weight.shape[1:3]
        outer = values.new_zeros(B, C, H + rows - 1, W + columns - 1)
        outer[:, :, rows // 2 : rows // 2 + H, columns // 2 : columns // 2 + W] = values
        total = torch.zeros_like(values) + state[f"{name}.bias"][:, None, None]
        for i, j in torch.cartesian_prod(torch.arange(rows), torch.arange(columns)).tolist():
            total = total + weight[:, i, j] * outer[:, :, i : i + H, j : j + W]
        return total

    def pointwise(values: Tensor, name: str) -> Tensor:
        made = torch.einsum("oi,bihw->bohw", state[f"{name}.weight"][:, :, 0, 0], values)
        return made + state[f"{name}.bias"][:, None, None]

    def pooled(values: Tensor, gain: float) -> Tensor:
        k, l = torch.arange(H).to(x) - H // 2, torch.arange(W).to(x) - W // 2
        distance = torch.sqrt(k[:, None] ** 2 + l**2)
        mask = torch.full_like(distance, 1 - gain)
        mask[distance < radius], mask[distance == radius] = gain, 1 / 3
        turns = (k[:, None] * torch.arange(H) / H)[:, None, :, None]
        angle = 2 * torch.pi * (turns + (l[:, None] * torch.arange(W) / W)[None, :, None])  # (H, W, H, W)
        real = torch.einsum("bchw,klhw->bckl", values, angle.cos()) * mask / (H * W)
        imaginary = torch.einsum("bchw,klhw->bckl", values, angle.sin()) * mask / (H * W)
        back = torch.einsum("bckl,klhw->bchw", real, angle.cos())
        return back + torch.einsum("bckl,klhw->bchw", imaginary, angle.sin())

    u = depthwise(depthwise(pointwise(x, "project_in"), "horizontal"), "vertical")
    chunks = zip(u.chunk(len(gains), 1), gains)
    parts = [pointwise(pooled(chunk, gain), f"contexts.{i}") for i, (chunk, gain) in enumerate(chunks)]
    return pointwise(u * torch.stack(parts).sum(0), "project_out")


@final
class SpectralPoolingAggregation2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        kernel_size: int = KERNEL,
        radius: float = RADIUS,
        gains: Sequence[float] = GAINS,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.sizes = chunk_sizes(channels, len(gains)) if gains else []
        if not gains or len(self.sizes) != len(gains):
            raise ArgumentError(
                f"expected 1 gain or more, each with a chunk of channels = {channels}, got {len(gains)}"
            )
        if kernel_size % 2 == 0 or radius < 0:
            raise ArgumentError(
                f"expected an odd kernel_size and radius of 0 or more waves, got {kernel_size} and {radius}"
            )
        self.channels, self.radius, self.gains = channels, radius, tuple(gains)

        def conv(inner: int, kernel: Shape = (1, 1), groups: int = 1) -> PlannedConv2d:
            return PlannedConv2d(inner, channels, kernel, groups=groups, device=device, dtype=dtype)

        self.project_in, self.project_out = conv(channels), conv(channels)
        self.horizontal = conv(channels, (1, kernel_size), channels)
        self.vertical = conv(channels, (kernel_size, 1), channels)
        self.contexts = nn.ModuleList([conv(size) for size in self.sizes])

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        u = self.vertical(self.horizontal(self.project_in(x)))
        low = torch.cat([u.new_full((size,), gain) for size, gain in zip(self.sizes, self.gains)])
        chunks = radial_gain(u, 2, self.radius, low).split(self.sizes, 1)
        first, *others = (context(chunk) for context, chunk in zip(self.contexts, chunks))
        return self.project_out(u * sum(others, first))

    def cost(self, shape: Shape) -> Cost:
        B, _, *spatial = shape
        layers = (self.project_in, self.horizontal, self.vertical, self.project_out)
        total = spectral_filter_cost(shape)
        for layer in layers:
            total += layer.cost(shape)
        for size, context in zip(self.sizes, self.contexts):
            assert isinstance(context, PlannedConv2d)
            total += context.cost((B, size, *spatial))
        return total

    def extra_repr(self) -> str:
        return f"{self.channels}, radius={self.radius}, gains={self.gains}"


def chunk_sizes(channels: int, count: int) -> list[int]:
    """Of the chunks that torch.chunk cuts; they may be fewer than count."""
    step = -(-channels // count)
    return [min(step, channels - start) for start in range(0, channels, step)]


def _mixer(channels: int, spatial: Shape) -> SpectralPoolingAggregation2d:
    return SpectralPoolingAggregation2d(channels)


CARD = Card(
    operators=(SpectralPoolingAggregation2d,),
    reference=reference,
    papers=(
        Paper(
            "Yun, Yoo, Kim, Lee and Kim",
            2023,
            "SPANet: Frequency-balancing Token Mixer using Spectral Pooling Aggregation Modulation",
            "https://arxiv.org/abs/2308.11568",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 3, 4, 5), lambda: SpectralPoolingAggregation2d(3, 3)),
        Case(
            (1, 4, 6, 5),
            lambda: SpectralPoolingAggregation2d(4, 5, 1, (0.6, 0.9)),
            {"radius": 1, "gains": (0.6, 0.9)},
        ),
        Case((1, 7, 3, 3), lambda: SpectralPoolingAggregation2d(7)),
    ),
    refuses=(
        BadInput((2, 5, 4, 4), lambda: SpectralPoolingAggregation2d(6), says="C = 6"),
        BadInput((2, 6, 4), lambda: SpectralPoolingAggregation2d(6), says="(B, C, H, W)"),
        BadInput((2, 2, 4, 4), lambda: SpectralPoolingAggregation2d(2), says="1 gain or more"),
        BadInput((2, 4, 4, 4), lambda: SpectralPoolingAggregation2d(6, 6), says="odd kernel_size"),
    ),
    mixer=_mixer,
)
