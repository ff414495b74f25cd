r"""Translation variant convolution: a kernel for each place of the picture, the same for every picture.

    y[b, c, p] = sum_m K[c, m, p] x[b, c, stride p + m - k // 2] + beta[c, p],   K = G(A)

A are affinity maps, learned and not computed from x: they tell what places have in common. G is `depth`
times (3x3 convolution, layer norm over channels and places, ReLU) and one more 3x3 convolution, to
C k^2 channels; beta, if there is one, comes from A in the same way. No layer of G but the norm has a bias.
Shapes: x (B, C, H, W) -> y (B, C, *size), size = ceil((H, W) / stride); A (1, affinity_channels, *size).

The size is fixed, as are the sizes of A and of the norms. Whatever G costs is paid in training alone:
`freeze` gives the layer with its kernels found once, and `circulant.optimise.freeze_tvconv` does so
throughout a network. A starts at one everywhere; what tells places apart at first are G's zeros around it.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator
from circulant.core.sizes import Shape, per_axis
from circulant.engine.costs import convolution_problem, problem_cost
from circulant.operators.dynamic.place_kernels import (
    FrozenTranslationVariantConv2d,
    convolve_places,
    place_layers,
    places_cost,
    require_places,
)


def reference(x: Tensor, state: dict[str, Tensor], kernel_size: int = 3, stride: int = 1) -> Tensor:
    kernel = _generated(state, "kernel_layers")
    k, (B, C, H, W) = kernel_size, x.shape
    outer = x.new_zeros(B, C, H + k, W + k)
    outer[:, :, k // 2 : k // 2 + H, k // 2 : k // 2 + W] = x
    y = x.new_zeros(B, C, *kernel.shape[1:])
    for h in range(y.shape[2]):
        for w in range(y.shape[3]):
            met = outer[:, :, stride * h : stride * h + k, stride * w : stride * w + k]
            y[:, :, h, w] = (kernel[:, h, w].reshape(C, k, k) * met).sum((2, 3))
    return y + _generated(state, "bias_layers") if "bias_layers.0.weight" in state else y


def _generated(state: dict[str, Tensor], name: str) -> Tensor:
    """What the layers of that name make of the affinity maps (channels, H, W)."""
    maps = state["affinity"][0]
    depth = sum(key.startswith(f"{name}.") for key in state) // 3
    for layer in range(0, 3 * depth, 3):
        hidden = _correlated(maps, state[f"{name}.{layer}.weight"])
        hidden = (hidden - hidden.mean()) / torch.sqrt(hidden.var(correction=0) + 1e-5)
        maps = (hidden * state[f"{name}.{layer + 1}.weight"] + state[f"{name}.{layer + 1}.bias"]).clamp(min=0)
    return _correlated(maps, state[f"{name}.{3 * depth}.weight"])


def _correlated(maps: Tensor, kernel: Tensor) -> Tensor:
    A, H, W = maps.shape
    outer = maps.new_zeros(A, H + 2, W + 2)
    outer[:, 1:-1, 1:-1] = maps
    moved = [outer[:, i : i + H, j : j + W] for i in range(3) for j in range(3)]
    return torch.einsum("oat,tahw->ohw", kernel.flatten(2), torch.stack(moved))


@final
class TranslationVariantConv2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        size: int | Shape,
        kernel_size: int = 3,
        stride: int = 1,
        *,
        bias: bool = False,
        affinity_channels: int = 4,
        hidden: int = 16,
        depth: int = 2,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.size, smallest = per_axis(size, 2, "size"), min(channels, affinity_channels, hidden, depth)
        if kernel_size % 2 == 0 or min(kernel_size, stride, smallest, *self.size) < 1:
            raise ArgumentError(
                f"expected an odd kernel_size, and it, stride, size, channels, affinity_channels, hidden and "
                f"depth of 1 or more, got {kernel_size}, {stride}, {self.size}, {channels}, "
                f"{affinity_channels}, {hidden}, {depth}"
            )
        self.channels, self.kernel_size, self.stride = channels, kernel_size, stride
        self.affinity = nn.Parameter(torch.empty(1, affinity_channels, *self.size))

        def layers(out: int) -> nn.Sequential:
            return place_layers(affinity_channels, hidden, out, depth, self.size)

        self.kernel_layers = layers(channels * kernel_size**2)
        self.bias_layers = layers(channels) if bias else None
        self.to(device=device, dtype=dtype)
        nn.init.ones_(self.affinity)

    def kernels(self) -> Tensor:
        """A kernel for each channel and place (C k^2, *size)."""
        made: Tensor = self.kernel_layers(self.affinity)
        return made[0]

    def biases(self) -> Tensor | None:
        """(C, *size), or None."""
        return None if self.bias_layers is None else self.bias_layers(self.affinity)[0]

    def forward(self, x: Tensor) -> Tensor:
        require_places(x, self.channels, self.size, self.stride)
        return convolve_places(x, self.kernels(), self.biases(), self.stride)

    @torch.no_grad()
    def freeze(self) -> FrozenTranslationVariantConv2d:
        """The same layer without what makes its kernels."""
        return FrozenTranslationVariantConv2d(self.kernels(), self.biases(), self.channels, self.stride)

    def cost(self, shape: Shape) -> Cost:
        total = places_cost(shape, self.kernel_size**2, self.stride)
        for layer in [*self.kernel_layers, *(self.bias_layers or [])]:
            if isinstance(layer, nn.Conv2d):
                maps = (1, layer.in_channels, *self.size)
                total += problem_cost(
                    convolution_problem(maps, tuple(layer.weight.shape), padding=((1, 1), (1, 1)))
                )
        return total

    def extra_repr(self) -> str:
        return f"{self.channels}, size={self.size}, kernel_size={self.kernel_size}, stride={self.stride}"


EXPORTS = (FrozenTranslationVariantConv2d,)


def _mixer(channels: int, spatial: Shape) -> TranslationVariantConv2d:
    return TranslationVariantConv2d(channels, spatial)


CARD = Card(
    operators=(TranslationVariantConv2d,),
    reference=reference,
    papers=(
        Paper(
            "Chen, He, Zhuo, Ma, Ha and Chan",
            2022,
            "TVConv: Efficient Translation Variant Convolution for Layout-aware Visual Processing",
            "https://arxiv.org/abs/2203.10489",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.DEPTHWISE}),
    cases=(
        Case((2, 2, 4, 3), lambda: TranslationVariantConv2d(2, (4, 3), hidden=2)),
        Case(
            (1, 2, 5, 4),
            lambda: TranslationVariantConv2d(2, (3, 2), stride=2, bias=True, affinity_channels=1, hidden=3),
            {"stride": 2},
        ),
        Case(
            (2, 1, 3, 4),
            lambda: TranslationVariantConv2d(1, (3, 4), 5, hidden=2, depth=1, bias=True),
            {"kernel_size": 5},
        ),
    ),
    refuses=(
        BadInput((2, 4, 6, 6), lambda: TranslationVariantConv2d(3, 6), says="C = 3"),
        BadInput((3, 6, 6), lambda: TranslationVariantConv2d(3, 6), says="(B, C, H, W)"),
        BadInput((2, 3, 6, 7), lambda: TranslationVariantConv2d(3, 6), says="size=(6, 7)"),
        BadInput((2, 3, 6, 6), lambda: TranslationVariantConv2d(3, 6, 4), says="odd kernel_size"),
    ),
    mixer=_mixer,
)
