r"""Fourier convolution: a kernel learnt in the frequency domain beside a small local one.

    y = irfftn(sum_i W[i, o] . rfftn(x_i)) + K * x + b

Shapes: x (B, I, *spatial) -> y (B, O, *spatial); W as pairs (I, O, 2 m_1, .., m_d, 2) for the lowest m
frequencies along each axis, zero elsewhere; K (O, I, 3, ..) with zeros outside. With as many modes as the
grid has frequencies the first term is any circular convolution; with few it is a smooth kernel as large as
the grid, for few weights. The paper's text gives the product and says that local and global responses are
captured together; that they are added is our choice. local_kernel=0 leaves the second out.
"""

from collections.abc import Iterable
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import LAYERS, settings_of
from circulant.operators.spectral.spectral_conv import BY_NDIM as SPECTRAL

LOCAL_KERNEL = 3
MIXER_MODES = 8


def reference(x: Tensor, state: dict[str, Tensor], modes: tuple[int, ...] = (2,)) -> Tensor:
    weight, sizes = torch.view_as_complex(state["spectral.weight"]), x.shape[2:]
    grids = [torch.arange(n, dtype=torch.float64) / n for n in sizes]
    places = torch.cartesian_prod(*grids).reshape(-1, len(sizes))
    kept = [[*range(m), *range(-m, 0)] for m in modes[:-1]] + [[*range(modes[-1])]]
    lines = [torch.tensor(line, dtype=torch.float64) for line in kept]
    y = x.new_zeros(len(x), weight.shape[1], len(places))
    for k, mixing in zip(torch.cartesian_prod(*lines).reshape(-1, len(sizes)), weight.flatten(2).unbind(2)):
        wave = torch.exp(2j * torch.pi * (places @ k)).to(weight.dtype)
        Y = (x.flatten(2) + 0j) @ wave.conj() @ mixing
        has_mirror_image = 0 < 2 * int(k[-1]) < sizes[-1]
        y = y + (1 + has_mirror_image) * (Y[..., None] * wave).real / len(places)
    y = y.unflatten(2, sizes)
    if "local.weight" not in state:
        return y
    K = state["local.weight"]
    padded = x.new_zeros(*x.shape[:2], *(n + 2 for n in sizes))
    inner: Any = (..., *(slice(1, n + 1) for n in sizes))
    padded[inner] = x
    for tap in torch.cartesian_prod(*(torch.arange(3) for _ in sizes)).reshape(-1, len(sizes)).tolist():
        window: Any = (..., *(slice(t, t + n) for t, n in zip(tap, sizes)))
        moved = padded[window]
        y = y + torch.tensordot(moved, K[(..., *tap)], ([1], [1])).movedim(-1, 1)
    return y + state["local.bias"].reshape(-1, *(1,) * len(sizes))


class _FourierConv(Operator):
    """Abstract over the number of spatial axes."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        modes: int | Iterable[int],
        *,
        local_kernel: int = LOCAL_KERNEL,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if local_kernel != 0 and local_kernel % 2 == 0:
            raise ArgumentError(f"expected local_kernel as 0 or an odd number of taps, got {local_kernel}")
        ndim = self.ndims[0]
        settings: Any = {"device": device, "dtype": dtype}
        self.in_channels, self.out_channels = in_channels, out_channels
        self.spectral = SPECTRAL[ndim](in_channels, out_channels, modes, **settings)
        layer = LAYERS[ndim]
        self.local: nn.Conv1d | nn.Conv2d | nn.Conv3d | None = None
        if local_kernel:
            self.local = layer(in_channels, out_channels, local_kernel, padding=local_kernel // 2, **settings)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.in_channels, self.ndims)
        y: Tensor = self.spectral(x)
        if self.local is None:
            return y
        return y + settings_of(self.local).convolve(x, self.local.weight, self.local.bias)

    def cost(self, shape: Shape) -> Cost:
        total = self.spectral.cost(shape)
        return total if self.local is None else total + settings_of(self.local).cost(shape)

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}"


@final
class FourierConv1d(_FourierConv):
    ndims = (1,)


@final
class FourierConv2d(_FourierConv):
    ndims = (2,)


@final
class FourierConv3d(_FourierConv):
    ndims = (3,)


BY_NDIM: dict[int, type[_FourierConv]] = {1: FourierConv1d, 2: FourierConv2d, 3: FourierConv3d}


def _mixer(channels: int, spatial: Shape) -> Operator:
    modes = (
        *(max(1, min(MIXER_MODES, n // 2)) for n in spatial[:-1]),
        min(MIXER_MODES, spatial[-1] // 2 + 1),
    )
    return BY_NDIM[len(spatial)](channels, channels, modes)


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Shi, Han, González-Moreno, Dancey, Huang, Zhang, Liu, Huang, Miao and Dai",
            2023,
            "A Fast Fourier Convolutional Deep Neural Network For Accurate and Explainable Discrimination "
            "Of Wheat Yellow Rust And Nitrogen Deficiency From Sentinel-2 Time-Series Data",
            "https://arxiv.org/abs/2306.17207",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case((2, 2, 7), lambda: FourierConv1d(2, 3, 3), {"modes": (3,)}),
        Case((1, 2, 4, 5), lambda: FourierConv2d(2, 2, (2, 3)), {"modes": (2, 3)}),
        Case((1, 2, 2, 3, 2), lambda: FourierConv3d(2, 1, (1, 1, 2), local_kernel=0), {"modes": (1, 1, 2)}),
    ),
    refuses=(
        BadInput((2, 5, 8, 8), lambda: FourierConv2d(4, 4, 2), says="C = 4"),
        BadInput((2, 4, 3, 8), lambda: FourierConv2d(4, 4, 2), says="4 x 2 samples or more"),
        BadInput((2, 4, 8), lambda: FourierConv1d(4, 4, 2, local_kernel=2), says="odd number of taps"),
    ),
    mixer=_mixer,
)
