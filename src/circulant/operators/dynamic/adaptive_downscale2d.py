r"""Adaptive downscaling: a kernel predicted for every small pixel and every channel.

    y[b, c, p] = sum_q K[b, c, q, p] x[b, c](s p + q - (k - s) // 2),   K = softmax_q(G_c(features of x))

Shapes: x (B, C, H, W) -> y (B, C, H / s, W / s), for H and W that s divides. The window of kernel_size = k
samples along each axis is laid around the s samples of a small pixel (an odd rest goes after them); beyond
the border the last sample is repeated. With `normalise=False` the kernels are taken as they are.

The features come from residual blocks, the last of them s times coarser; each channel has a generator of its
own, a trunk and a branch of residual blocks. The paper's summary tells neither the size of the kernels, nor
depths, nor how kernels are normalised: sizes here are arguments, and the softmax, which makes every output a
weighted mean, is our choice. `downscale` applies kernels that come from elsewhere.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.convolution import Boundary, surrounded
from circulant.engine.costs import convolution_problem, problem_cost
from circulant.engine.local_conv import local_conv
from circulant.operators.dynamic.kernel_generator import ChannelKernelGenerator, convs, residual_blocks
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.trilinear import Slot

EXPORTS = (ChannelKernelGenerator, "downscale")


def reference(x: Tensor, state: dict[str, Tensor], scale: int, kernel_size: int, depth: int = 1) -> Tensor:
    """Trunk and branch of one block each."""

    def conv(z: Tensor, name: str, stride: int = 1) -> Tensor:
        weight, H, W = state[f"{name}.weight"], z.shape[2], z.shape[3]
        reach = weight.shape[-1] // 2
        outer = z.new_zeros(*z.shape[:2], H + 2 * reach, W + 2 * reach)
        outer[:, :, reach : reach + H, reach : reach + W] = z
        y = state[f"{name}.bias"][:, None, None]
        for i in range(weight.shape[2]):
            for j in range(weight.shape[3]):
                met = outer[:, :, i : i + H : stride, j : j + W : stride]
                y = y + torch.einsum("oc,bchw->bohw", weight[:, :, i, j], met)
        return y

    def block(z: Tensor, name: str) -> Tensor:
        return z + conv(conv(z, f"{name}.branch.0").clamp(min=0), f"{name}.branch.2")

    features = conv(x, "features.0")
    for number in range(depth):
        features = block(features, f"features.{1 + number}")
    features = conv(features, f"features.{1 + depth}", scale)
    B, C, H, W = x.shape
    before = (kernel_size - scale) // 2
    y = x.new_zeros(B, C, H // scale, W // scale)
    for c in range(C):
        own = block(block(features, f"generators.{c}.trunk.0"), f"generators.{c}.branch.0")
        logits = torch.exp(conv(own, f"generators.{c}.project"))
        kernel = logits / logits.sum(1, keepdim=True)
        for q in range(kernel_size**2):
            rows = (torch.arange(H // scale) * scale + q // kernel_size - before).clamp(0, H - 1)
            columns = (torch.arange(W // scale) * scale + q % kernel_size - before).clamp(0, W - 1)
            y[:, c] += kernel[:, q] * x[:, c][:, rows][:, :, columns]
    return y


def downscale(x: Tensor, kernels: Tensor, scale: int) -> Tensor:
    """x (B, C, H, W), kernels (B, C, k^2, H / s, W / s), s = scale, row by row -> (B, C, H / s, W / s)."""
    taps = kernels.shape[2] if kernels.ndim == 5 else 0
    size = round(taps**0.5)
    wanted = (*x.shape[:2], size**2, x.shape[2] // scale, x.shape[3] // scale)
    if tuple(kernels.shape) != wanted or size < scale:
        raise ShapeError(
            f"expected kernels (B, C, k^2, H / {scale}, W / {scale}) = {wanted} with k of {scale} or more, "
            f"got {tuple(kernels.shape)}"
        )
    before = (size - scale) // 2
    sides = (before, size - scale - before)
    outer = surrounded(x, (sides, sides), Boundary.REPLICATE) if size > scale else x
    return local_conv(
        outer, kernels, (size, size), stride=(scale, scale), padding=((0, 0), (0, 0)), dilation=(1, 1)
    )


@final
class AdaptiveDownscale2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int = 3,
        scale: int = 2,
        kernel_size: int = 8,
        *,
        width: int = 64,
        depth: int = 4,
        generator_depth: int = 2,
        normalise: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(channels, scale, width) < 1 or min(depth, generator_depth) < 0 or kernel_size < scale:
            raise ArgumentError(
                f"expected sizes of 1 or more and kernel_size of scale = {scale} or more, got {kernel_size}"
            )
        self.channels, self.scale, self.kernel_size = channels, scale, kernel_size
        self.normalise = normalise
        self.features = nn.Sequential(
            nn.Conv2d(channels, width, 3, 1, 1, device=device, dtype=dtype),
            *residual_blocks(width, depth, device, dtype),
            nn.Conv2d(width, width, 3, scale, 1, device=device, dtype=dtype),
        )
        self.generators = nn.ModuleList(
            ChannelKernelGenerator(width, kernel_size, generator_depth, device=device, dtype=dtype)
            for _ in range(channels)
        )

    def kernels(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) -> (B, C, k^2, H / scale, W / scale)."""
        features = self.features(x)
        made = torch.stack([generator(features) for generator in self.generators], 1)
        return made.softmax(2).to(made.dtype) if self.normalise else made

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        if x.shape[2] % self.scale or x.shape[3] % self.scale:
            raise ShapeError(
                f"expected H and W as multiples of {self.scale}, got x {tuple(x.shape)}; crop or pad it"
            )
        return downscale(x, self.kernels(x), self.scale)

    def cost(self, shape: Shape) -> Cost:
        (B, C, H, W), k, s = shape, self.kernel_size, self.scale
        outer = (B, C, H + k - s, W + k - s)
        window = convolution_problem(outer, (C, 1, k, k), stride=(s, s), groups=C)
        total = problem_cost(LocalConvProblem(torch.float32, Slot.OUTPUT, C, window))
        *fine, last = convs(self.features)
        for conv in fine:
            total += conv.cost((B, conv.in_channels, H, W))
        small = (B, last.in_channels, H // s, W // s)
        total += last.cost((B, last.in_channels, H, W))
        for generator in self.generators:
            for conv in convs(generator):
                total += conv.cost(small)
        return total

    def extra_repr(self) -> str:
        return f"{self.channels}, scale={self.scale}, kernel_size={self.kernel_size}"


def _mixer(channels: int, spatial: Shape) -> Operator:
    return AdaptiveDownscale2d(channels, 1, 3, width=8, depth=1, generator_depth=1)


CARD = Card(
    operators=(AdaptiveDownscale2d,),
    reference=reference,
    papers=(
        Paper(
            "Pise and Ghosh",
            2025,
            "Learned Adaptive Kernels for High-Fidelity Image Downscaling",
            "https://arxiv.org/abs/2511.01620",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case(
            (2, 2, 4, 6),
            lambda: AdaptiveDownscale2d(2, 2, 3, width=3, depth=1, generator_depth=1),
            {"scale": 2, "kernel_size": 3},
        ),
        Case(
            (1, 1, 6, 3),
            lambda: AdaptiveDownscale2d(1, 3, 3, width=2, depth=0, generator_depth=1),
            {"scale": 3, "kernel_size": 3, "depth": 0},
        ),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: AdaptiveDownscale2d(width=4), says="C = 3"),
        BadInput((2, 3, 7, 8), lambda: AdaptiveDownscale2d(width=4), says="multiples of 2"),
        BadInput((2, 3, 8, 8), lambda: AdaptiveDownscale2d(3, 4, 3), says="scale = 4 or more, got 3"),
    ),
    mixer=_mixer,
)
