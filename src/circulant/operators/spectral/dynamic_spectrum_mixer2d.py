r"""Dynamic spectrum mixer: cosine coefficients of a picture, each with a gain made from the picture.

    a[b, c, :] = softmax over k of (W2 gelu(W1 mean_p x[b, :, p] + b1) + b2)[c, k]
    y = idct2(G * dct2(x)),   G[b, c, u, v] = sum_k a[b, c, k] bank[k, u, v]

Shapes: x (B, C, H, W) -> y (B, C, H, W), with (H, W) = size; bank (filters, H, W), W1 (C / reduction, C),
W2 (filters C, C / reduction). With gains fixed it is a convolution of the picture continued by its
mirror image; the cost is that of two transforms, O(H W log H W) for each channel.

The abstract says that tokens interact by the cosine transform and that a layer of generated weights selects
the bands; how they are generated could not be looked up. Here they are mixtures of a learnt bank, one mixture
for each channel, so that the whole is the identity while the bank is 1, near which it starts.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, per_axis, product
from circulant.engine.cosine_transform import dct, idct
from circulant.engine.costs import transform_cost
from circulant.problems.transform import TransformKind

SPREAD = 0.02  # of the bank around 1 at first


def reference(x: Tensor, state: dict[str, Tensor], filters: int = 4) -> Tensor:
    B, C, H, W = x.shape
    hidden = x.sum((2, 3)) / (H * W) @ state["generator.0.weight"].T + state["generator.0.bias"]
    hidden = hidden * (1 + torch.erf(hidden / 2**0.5)) / 2
    logits = (hidden @ state["generator.2.weight"].T + state["generator.2.bias"]).reshape(B, C, filters)
    share = torch.exp(logits) / torch.exp(logits).sum(2, keepdim=True)
    gain = torch.einsum("bck,kuv->bcuv", share, state["bank"])
    y = torch.zeros_like(x)
    rows, columns = torch.arange(H) + 0.5, torch.arange(W) + 0.5
    for u in range(H):
        for v in range(W):
            wave = torch.cos(torch.pi * u * rows / H)[:, None] * torch.cos(torch.pi * v * columns / W)
            wave = wave.to(x) * ((1 + (u > 0)) * (1 + (v > 0)) / (H * W)) ** 0.5
            y += (gain[:, :, u, v] * (x * wave).sum((2, 3)))[:, :, None, None] * wave
    return y


@final
class DynamicSpectrumMixer2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        size: int | tuple[int, int],
        filters: int = 4,
        reduction: int = 4,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.size, self.filters = channels, per_axis(size, 2, "size"), filters
        if not 1 <= reduction <= channels:
            raise ArgumentError(f"expected reduction from 1 to channels = {channels}, got {reduction}")
        if min(filters, *self.size) < 1:
            raise ArgumentError(f"expected size and filters of 1 or more, got {self.size} and {filters}")
        self.hidden = channels // reduction
        self.bank = nn.Parameter(torch.empty(filters, *self.size, device=device, dtype=dtype))
        self.generator = nn.Sequential(
            nn.Linear(channels, self.hidden, device=device, dtype=dtype),
            nn.GELU(),
            nn.Linear(self.hidden, channels * filters, device=device, dtype=dtype),
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.normal_(self.bank, 1.0, SPREAD)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        if tuple(x.shape[2:]) != self.size:
            wanted = " x ".join(map(str, self.size))
            raise ShapeError(
                f"expected x (B, C, H, W) of {wanted} samples, got x {tuple(x.shape)}; "
                "the bank has one gain per frequency, so build one for that size"
            )
        coefficients = dct(x, 2)
        return idct(coefficients * self.gain(x).to(coefficients.dtype), 2)

    def gain(self, x: Tensor) -> Tensor:
        """G (B, C, H, W) for x."""
        logits = self.generator(x.mean((2, 3))).unflatten(1, (self.channels, self.filters))
        share = logits.softmax(2).to(self.bank.dtype)
        return (share @ self.bank.flatten(1)).unflatten(2, self.size)

    def cost(self, shape: Shape) -> Cost:
        B, C, *size = shape
        hidden = self.hidden
        transforms = transform_cost(TransformKind.COSINE, B * C, *size) * 2
        generated = matmul_cost(B, C, hidden) + matmul_cost(B, hidden, C * self.filters)
        return transforms + generated + matmul_cost(B * C, self.filters, product(size))

    def extra_repr(self) -> str:
        return f"{self.channels}, size={self.size}, filters={self.filters}"


def _mixer(channels: int, spatial: Shape) -> DynamicSpectrumMixer2d:
    height, width = spatial
    return DynamicSpectrumMixer2d(channels, (height, width), reduction=min(4, channels))


CARD = Card(
    operators=(DynamicSpectrumMixer2d,),
    reference=reference,
    papers=(
        Paper(
            "Hu and Yang",
            2023,
            "Dynamic Spectrum Mixer for Visual Recognition",
            "https://arxiv.org/abs/2309.06721",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 2, 3, 4), lambda: DynamicSpectrumMixer2d(2, (3, 4), 3, 2), {"filters": 3}),
        Case((1, 4, 5, 2), lambda: DynamicSpectrumMixer2d(4, (5, 2))),
    ),
    refuses=(
        BadInput((2, 5, 4, 4), lambda: DynamicSpectrumMixer2d(4, 4), says="C = 4"),
        BadInput((2, 4, 4, 5), lambda: DynamicSpectrumMixer2d(4, 4), says="4 x 4 samples"),
        BadInput((2, 4, 4, 4), lambda: DynamicSpectrumMixer2d(4, 4, reduction=5), says="reduction from 1"),
    ),
    mixer=_mixer,
)
