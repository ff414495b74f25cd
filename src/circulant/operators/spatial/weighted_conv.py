r"""Weighted convolution: every kernel is multiplied by one fixed density over its taps.

    y = (weight Phi) * x + b,   Phi[m] = prod_axis alpha[m_axis]
    alpha = (density_1, .., density_r, 1, density_r, .., density_1),   r = (K - 1) / 2

The density is given from the rim inwards; the middle counts 1, so that density = (1, ..) is torch's own
convolution. Kernels are odd and have the same size along each axis.
Shapes: x (B, I, *spatial) -> y (B, O, *output_spatial); weight (O, I / groups, *kernel), density (r).

The density is a buffer, which `train.tune_density` searches for; there are as many parameters as without
it. With learn_density it is a parameter of each layer. `to_conv` folds it into the weight. As published
there is no bias unless asked for.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any, Self, final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import Sizes, TorchConv, constructor_arguments, conv_settings

DENSITIES = {1: (), 3: (0.7,), 5: (0.2, 0.8), 7: (0.25, 0.15, 0.55)}  # published, by the size of the kernel
FIRST_LEARNT = {**DENSITIES, 7: (0.27, 0.17, 0.54)}  # where the published trainable form starts


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Tensor:
    weight, density = state["weight"], state["density"]
    O, I, *kernel = weight.shape
    K, ndim = kernel[0], len(kernel)
    alpha = [density[min(m, K - 1 - m)] if m != K // 2 else torch.ones_like(x[0, 0]).max() for m in range(K)]
    spatial = x.shape[2:]
    out = [(n + 2 * padding - dilation * (K - 1) - 1) // stride + 1 for n in spatial]
    outer = x.new_zeros(*x.shape[:2], *(n + 2 * padding for n in spatial))
    inside: Any = (..., *(slice(padding, padding + n) for n in spatial))
    outer[inside] = x
    y = x.new_zeros(x.shape[0], O, *out)
    for tap in product(range(K), repeat=ndim):
        phi = torch.ones_like(alpha[K // 2])
        for m in tap:
            phi = phi * alpha[m]
        starts = [dilation * m for m in tap]
        met: Any = (..., *(slice(s, s + stride * (n - 1) + 1, stride) for s, n in zip(starts, out)))
        for o in range(O):
            for i in range(I):
                own: Any = (o, i, *tap)
                y[:, o] += phi * weight[own] * outer[met][:, o // (O // groups) * I + i]
    if "bias" in state:
        y = y + state["bias"].view(-1, *(1,) * ndim)
    return y


class WeightedConvNd(Operator):
    """Abstract over the number of spatial axes. Arguments as torch.nn.ConvNd's."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = False,
        padding_mode: str = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        density: Sequence[float] | None = None,
        learn_density: bool = False,
    ) -> None:
        """density None: the published one, known for kernels up to 7."""
        super().__init__()
        self.settings = conv_settings(
            self.ndims[0], in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
            padding_mode,
        )  # fmt: skip
        values = _density_for(self.settings.kernel, density, FIRST_LEARNT if learn_density else DENSITIES)
        kind: dict[str, Any] = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.empty(self.settings.weight_shape, **kind))
        self.bias = nn.Parameter(torch.zeros(out_channels, **kind)) if bias else None
        alpha = torch.tensor(values, **kind) if values else torch.empty(0, **kind)
        self.density: Tensor
        if learn_density:
            self.density = nn.Parameter(alpha)
        else:
            self.register_buffer("density", alpha)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weights as by He, Zhang, Ren and Sun for the outputs' fan, no bias; the density stays."""
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    @torch.no_grad()
    def set_density(self, density: Sequence[float]) -> None:
        """From the rim inwards, as many numbers as the constructor takes; in place."""
        values = _density_for(self.settings.kernel, density, {})
        for place, value in enumerate(values):
            self.density[place] = value

    def phi(self) -> Tensor:
        """What each tap of a kernel is multiplied by -> (*kernel)."""
        middle = self.density.new_ones(1)
        alpha = torch.cat((self.density, middle, self.density.flip(0)))
        product_so_far = alpha
        for _ in self.settings.kernel[1:]:
            product_so_far = product_so_far[..., None] * alpha
        return product_so_far

    def kernel(self) -> Tensor:
        """What is convolved with -> (O, I / groups, *kernel)."""
        return self.weight * self.phi()

    def forward(self, x: Tensor) -> Tensor:
        self.settings.require_input(x)
        return self.settings.convolve(x, self.kernel(), self.bias)

    @classmethod
    def from_conv(
        cls, conv: TorchConv, *, density: Sequence[float] | None = None, learn_density: bool = False
    ) -> Self:
        """The same function: the density is divided out of the weight."""
        new = cls(**constructor_arguments(conv), density=density, learn_density=learn_density)
        if not bool(new.density.all()):
            raise ArgumentError(f"expected a density without zeros to divide by, got {new.density.tolist()}")
        with torch.no_grad():
            new.weight.copy_(conv.weight / new.phi())
            if new.bias is not None and conv.bias is not None:
                new.bias.copy_(conv.bias)
        return new

    def to_conv(self) -> TorchConv:
        """torch's own layer, the density folded into its weight."""
        return self.settings.layer(self.kernel(), self.bias)

    def cost(self, shape: Shape) -> Cost:
        return self.settings.cost(shape)

    def extra_repr(self) -> str:
        return f"{self.settings}, density={[round(value, 4) for value in self.density.tolist()]}"


@final
class WeightedConv1d(WeightedConvNd):
    ndims = (1,)


@final
class WeightedConv2d(WeightedConvNd):
    ndims = (2,)


@final
class WeightedConv3d(WeightedConvNd):
    ndims = (3,)


def _density_for(
    kernel: Shape, density: Sequence[float] | None, published: dict[int, tuple[float, ...]]
) -> list[float]:
    K = kernel[0]
    if K % 2 == 0 or any(size != K for size in kernel):
        raise ArgumentError(f"expected an odd kernel_size, the same along each axis, got {kernel}")
    if density is None and K not in published:
        raise ArgumentError(
            f"expected a density for kernel_size = {K}; published ones go up to 7: give {K // 2} numbers"
        )
    values = list(published[K] if density is None else map(float, density))
    if len(values) != K // 2:
        raise ArgumentError(
            f"expected a density of {K // 2} numbers from the rim inwards for kernel_size = {K}, "
            f"got {len(values)}"
        )
    return values


BY_NDIM: dict[int, type[WeightedConvNd]] = {1: WeightedConv1d, 2: WeightedConv2d, 3: WeightedConv3d}


def _mixer(channels: int, spatial: Shape) -> Operator:
    return BY_NDIM[len(spatial)](channels, channels, 7, padding="same", groups=channels)


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Cammarasana and Patanè",
            2025,
            "Optimal Weighted Convolution for Classification and Denosing",
            "https://arxiv.org/abs/2505.24558",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case(
            (2, 4, 11),
            lambda: WeightedConv1d(4, 2, 5, 2, 3, groups=2, bias=True),
            {"stride": 2, "padding": 3, "groups": 2},
        ),
        Case(
            (2, 2, 6, 7),
            lambda: WeightedConv2d(2, 3, 3, dilation=2, density=(1.3,)),
            {"dilation": 2},
        ),
        Case(
            (1, 2, 5, 4),
            lambda: WeightedConv2d(2, 2, 7, padding=3, groups=2, learn_density=True),
            {"padding": 3, "groups": 2},
        ),
        Case((1, 1, 3, 4, 3), lambda: WeightedConv3d(1, 2, 3, padding=1), {"padding": 1}),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: WeightedConv2d(3, 3, 3), says="C = 3"),
        BadInput((2, 3, 8, 8), lambda: WeightedConv2d(3, 3, (3, 5)), says="same along each axis"),
        BadInput((2, 3, 8, 8), lambda: WeightedConv2d(3, 3, 9), says="published ones go up to 7"),
        BadInput((2, 3, 8, 8), lambda: WeightedConv2d(3, 3, 5, density=(0.5,)), says="2 numbers"),
    ),
    mixer=_mixer,
)
