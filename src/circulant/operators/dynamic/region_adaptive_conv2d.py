r"""Region adaptive convolution: kernels of each place, made of what is there and of its region's mean.

    y = x + V_out (z sigmoid(MLP(mean_p z))),   z[b, c, p] = sum_m k[b, c, m, p] h[b, c, p + m]
    h = V_2 f(V_1 x),   k = G_3 f(G_2 f(G_1 h + G_0 e)),   e = E_2 f(E_1 mean_{q in r(p)} x[b, :, q])

f is a leaky ReLU of slope 0.1. V, E, G_0 and G_1 mix channels; G_2 is a K x K convolution and G_3 a depthwise
one to K^2 channels for each. r(p) is the region of p, given by a mask in training; without one it is p's cell
in a grid, so that nothing but the picture is needed. E_1 narrows the means to `bottleneck` channels.
Shapes: x (B, C, H, W) -> y (B, C, H, W); V (C, C, 1, 1), E_1 (bottleneck, C, 1, 1), G_2 (C, C, K, K),
G_3 (K^2 C, 1, K, K).

G_0 and G_1 are one convolution of h beside the spread-out means, but the means are mixed before they are
spread. In the authors' codec e is a quantised code with GDN for f, sent beside the picture; here it is
computed from x, or given as `prototypes`, as a decoder has them.
"""

from itertools import product as index_product
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import convolution_problem, pointwise_cost, problem_cost
from circulant.engine.local_conv import local_conv
from circulant.operators.dynamic.region_prototypes import (
    grid_means,
    region_means,
    require_regions,
    spread_grid,
    spread_regions,
)
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.trilinear import Slot

SLOPE = 0.1  # of the leaky ReLU below zero


def reference(x: Tensor, state: dict[str, Tensor], kernel_size: int = 3, grid: int = 4) -> Tensor:
    def mixed(features: Tensor, name: str, groups: int = 1) -> Tensor:
        """By a convolution with zeros around its input."""
        kernel = state[f"{name}.weight"]
        K, rows, columns = kernel.shape[-1], features.shape[2], features.shape[3]
        outer = features.new_zeros(*features.shape[:2], rows + K - 1, columns + K - 1)
        outer[:, :, K // 2 : K // 2 + rows, K // 2 : K // 2 + columns] = features
        y = state.get(f"{name}.bias", torch.zeros(len(kernel)))[:, None, None]
        for i, j in index_product(range(K), repeat=2):
            met = outer[:, :, i : i + rows, j : j + columns].unflatten(1, (groups, -1))
            own = kernel[:, :, i, j].unflatten(0, (groups, -1))
            y = y + torch.einsum("goi,bgihw->bgohw", own, met).flatten(1, 2)
        return y

    def leaky(features: Tensor) -> Tensor:
        return torch.where(features > 0, features, 0.1 * features)

    C, H, W = x.shape[1:]
    means = x.new_zeros(len(x), C, grid, grid)
    for i, j in index_product(range(grid), repeat=2):
        rows = slice(i * H // grid, -(-(i + 1) * H // grid))
        means[:, :, i, j] = x[:, :, rows, j * W // grid : -(-(j + 1) * W // grid)].mean((2, 3))
    own = mixed(mixed(leaky(mixed(means, "narrow.0")), "narrow.2"), "mix_prototype")
    h = mixed(leaky(mixed(x, "embed.0")), "embed.2")
    cells = [torch.arange(n) * grid // n for n in (H, W)]
    made = mixed(h, "mix") + own[:, :, cells[0][:, None], cells[1]]
    kernel = mixed(leaky(mixed(leaky(made), "gather")), "span", C)
    z, K = torch.zeros_like(h), kernel_size
    for p, q, i, j in index_product(range(H), range(W), range(K), range(K)):
        u, v = p + i - K // 2, q + j - K // 2
        if 0 <= u < H and 0 <= v < W:
            z[:, :, p, q] += kernel[:, i * K + j :: K * K, p, q] * h[:, :, u, v]
    score = mixed(leaky(mixed(z.mean((2, 3), keepdim=True), "gate.0")), "gate.2")
    return x + mixed(z / (1 + torch.exp(-score)), "project")


@final
class RegionAdaptiveConv2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        kernel_size: int = 3,
        *,
        grid: int = 4,
        bottleneck: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        narrow = max(channels // 2, 1) if bottleneck is None else bottleneck
        if kernel_size % 2 == 0 or min(kernel_size, grid, narrow) < 1:
            raise ArgumentError(
                "expected an odd kernel_size, and it, grid and bottleneck of 1 or more, got "
                f"{kernel_size}, {grid} and {narrow}"
            )
        self.channels, self.kernel_size, self.grid, self.bottleneck = channels, kernel_size, grid, narrow
        C, k, to = channels, kernel_size, {"device": device, "dtype": dtype}
        self.embed = _pair(C, C, C, to)
        self.narrow = _pair(C, narrow, C, to)
        self.mix = _layer(C, C, 1, 1, to)
        self.mix_prototype = nn.Conv2d(C, C, 1, bias=False, device=device, dtype=dtype)
        self.gather = _layer(C, C, k, 1, to)
        self.span = _layer(C, C * k * k, k, C, to)
        self.gate = _pair(C, C, C, to)
        self.project = _layer(C, C, 1, 1, to)

    def prototypes(self, x: Tensor, regions: Tensor | None = None) -> Tensor:
        """Codes of the regions (B, C, R), or of the grid's cells (B, C, grid, grid)."""
        if regions is None:
            cells: Tensor = self.narrow(grid_means(x, self.grid))
            return cells
        codes: Tensor = self.narrow(region_means(x, regions)[..., None])
        return codes[..., 0]

    def kernels(self, h: Tensor, codes: Tensor, regions: Tensor | None) -> Tensor:
        """A kernel for each channel and place (B, C, K^2, H, W)."""
        if regions is None:
            own = spread_grid(self.mix_prototype(codes), (h.shape[2], h.shape[3]))
        else:
            own = spread_regions(self.mix_prototype(codes[..., None])[..., 0], regions)
        made = F.leaky_relu(self.mix(h) + own, SLOPE)
        kernel: Tensor = self.span(F.leaky_relu(self.gather(made), SLOPE))
        return kernel.unflatten(1, (self.channels, -1))

    def forward(self, x: Tensor, regions: Tensor | None = None, prototypes: Tensor | None = None) -> Tensor:
        """regions (B, H, W): numbers of the regions from 0 on; prototypes: codes from elsewhere."""
        require_input(x, self.channels, self.ndims)
        if regions is not None:
            require_regions(regions, x)
        h = self.embed(x)
        kernel = self.kernels(h, self.prototypes(x, regions) if prototypes is None else prototypes, regions)
        z = local_conv(
            h, kernel.to(h.dtype), (self.kernel_size,) * 2, stride=(1, 1),
            padding=((self.kernel_size // 2,) * 2,) * 2, dilation=(1, 1),
        )  # fmt: skip
        return torch.add(x, self.project(z * self.gate(z.mean((2, 3), keepdim=True)).sigmoid()))

    def cost(self, shape: Shape) -> Cost:
        (B, C), k = shape[:2], self.kernel_size
        around, cells, point = ((k // 2,) * 2,) * 2, (B, C, self.grid, self.grid), (B, C, 1, 1)
        total = pointwise_cost(shape, C) * 4 + pointwise_cost(point, C) * 2 + pointwise_cost(cells, C)
        total += pointwise_cost(cells, self.bottleneck)
        total += pointwise_cost((B, self.bottleneck, self.grid, self.grid), C)
        for weight, groups in ((C, C, k, k), 1), ((C * k * k, 1, k, k), C):
            total += problem_cost(convolution_problem(shape, weight, padding=around, groups=groups))
        window = convolution_problem(shape, (C, 1, k, k), padding=around, groups=C)
        return total + problem_cost(LocalConvProblem(torch.float32, Slot.OUTPUT, C, window))


def _layer(ins: int, outs: int, size: int, groups: int, to: dict[str, Any]) -> nn.Conv2d:
    return nn.Conv2d(ins, outs, size, padding=size // 2, groups=groups, **to)


def _pair(ins: int, hidden: int, outs: int, to: dict[str, Any]) -> nn.Sequential:
    """Two mixes of the channels."""
    return nn.Sequential(_layer(ins, hidden, 1, 1, to), nn.LeakyReLU(SLOPE), _layer(hidden, outs, 1, 1, to))


def _mixer(channels: int, spatial: Shape) -> RegionAdaptiveConv2d:
    return RegionAdaptiveConv2d(channels)


CARD = Card(
    operators=(RegionAdaptiveConv2d,),
    reference=reference,
    papers=(
        Paper(
            "Liu, Yang, Bai, Zhang, Guo and Ma",
            2024,
            "Region-Adaptive Transform with Segmentation Prior for Image Compression",
            "https://arxiv.org/abs/2403.00628",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 2, 4, 5), lambda: RegionAdaptiveConv2d(2, grid=2), {"grid": 2}),
        Case((1, 3, 3, 4), lambda: RegionAdaptiveConv2d(3, 1, bottleneck=2), {"kernel_size": 1}),
    ),
    refuses=(
        BadInput((2, 8, 6, 6), lambda: RegionAdaptiveConv2d(4), says="C = 4"),
        BadInput((4, 6, 6), lambda: RegionAdaptiveConv2d(4), says="(B, C, H, W)"),
        BadInput((2, 4, 6, 6), lambda: RegionAdaptiveConv2d(4, 2), says="odd kernel_size"),
    ),
    mixer=_mixer,
)
