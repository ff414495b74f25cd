r"""Fast Fourier convolution in two and three dimensions: local channels by kernels, global ones by FFT.

    y_l = K_ll * x_l + K_gl * x_g,   y_g = K_lg * x_l + S(x_g)
    S(x) = W2 (u + F(u) + F'(u)),   u = relu(BN(W1 x))

Shapes: x (B, C, *spatial) -> y (B, O, *spatial); x_g are the last int(ratio C) channels, y_g the last
int(ratio O). * keeps the grid, with borders reflected (an axis of one sample is repeated). F is a Fourier
unit over all axes; F' is one over the four quarters of H and W, of the first quarter of u's channels,
and asks for an even H and W. Norm and activation of y are left to the network.

The authors' kernels are 3 x 3 x 3, which their reflected borders take from two slices on.
"""

from typing import final

import torch
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.operators.spectral.fast_fourier_conv import RATIO, FastFourierConvNd
from circulant.operators.spectral.spectral_transform import QUARTER, SpectralTransform

EXPORTS = (SpectralTransform,)


def reference(
    x: Tensor, state: dict[str, Tensor], local: int = 1, local_unit: bool = True, training: bool = False
) -> Tensor:
    x_local, x_global = x[:, :local], x[:, local:]
    y = _correlate(x_local, state["from_local"])
    u = _normed(_mapped(x_global, state["spectral.reduce.weight"]), state, "spectral.norm", training)
    total = u + _unit(u, state, "spectral.unit", training)
    if local_unit:
        H, W = x.shape[-2] // 2, x.shape[-1] // 2
        some = u[:, : u.shape[1] // 4]
        quarters = [some[..., :H, :W], some[..., H:, :W], some[..., :H, W:], some[..., H:, W:]]
        done = _unit(torch.cat(quarters, 1), state, "spectral.local_unit", training)
        total = total + done.repeat(*(1,) * (x.ndim - 2), 2, 2)
    out_global = state["spectral.expand.weight"].shape[0]
    y_local = y[:, :-out_global] + _correlate(x_global, state["to_local"])
    y_global = y[:, -out_global:] + _mapped(total, state["spectral.expand.weight"])
    return torch.cat([y_local, y_global], 1)


def _mapped(x: Tensor, weight: Tensor) -> Tensor:
    return torch.tensordot(x, weight.flatten(1), ([1], [1])).movedim(-1, 1)


def _normed(x: Tensor, state: dict[str, Tensor], name: str, training: bool) -> Tensor:
    others = [axis for axis in range(x.ndim) if axis != 1]
    mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    if training:
        mean, variance = x.mean(others), x.var(others, correction=0)
    scale = state[f"{name}.weight"] / torch.sqrt(variance + 1e-5)
    shift = state[f"{name}.bias"] - scale * mean
    return (x.movedim(1, -1) * scale + shift).movedim(-1, 1).clamp(min=0)


def _unit(x: Tensor, state: dict[str, Tensor], name: str, training: bool) -> Tensor:
    """By sums of waves along each axis."""
    L, waves = x.shape[-1], []
    for n in x.shape[2:]:
        angle = 2 * torch.pi * torch.outer(torch.arange(n), torch.arange(n)) / n
        waves.append(torch.complex(angle.cos(), -angle.sin()) / n**0.5)
    waves[-1] = waves[-1][: L // 2 + 1]
    z = x.to(waves[0].dtype)
    for axis, wave in enumerate(waves, 2):
        z = torch.tensordot(z, wave, ([axis], [1])).movedim(-1, axis)
    parts = torch.stack([z.real, z.imag], 2).flatten(1, 2)
    v = _normed(_mapped(parts, state[f"{name}.mix.weight"]), state, f"{name}.norm", training)
    y = torch.complex(v[:, 0::2], v[:, 1::2])
    y = y * torch.tensor([1.0 if 2 * k in (0, L) else 2.0 for k in range(L // 2 + 1)])
    for axis, wave in enumerate(waves, 2):
        y = torch.tensordot(y, wave.conj(), ([axis], [0])).movedim(-1, axis)
    return y.real


def _correlate(x: Tensor, weight: Tensor) -> Tensor:
    """Tap by tap, with reflected borders."""
    taps = torch.cartesian_prod(*(torch.arange(k) for k in weight.shape[2:])).tolist()
    shares = []
    for tap in taps:
        moved = x
        for axis, (n, k, t) in enumerate(zip(x.shape[2:], weight.shape[2:], tap), 2):
            places = [n - 1 - abs(n - 1 - abs(i + t - k // 2)) if n > 1 else 0 for i in range(n)]
            moved = moved.index_select(axis, torch.tensor(places))
        shares.append(_mapped(moved, weight[(slice(None), slice(None), *tap)]))
    return torch.stack(shares).sum(0)


@final
class FastFourierConv2d(FastFourierConvNd):
    ndims = (2,)


@final
class VolumetricFFC3d(FastFourierConvNd):
    ndims = (3,)


def _mixer(channels: int, spatial: Shape) -> Operator:
    build = {2: FastFourierConv2d, 3: VolumetricFFC3d}[len(spatial)]
    is_cut = int(RATIO * channels) // 2 % QUARTER == 0 and not (spatial[-1] % 2 or spatial[-2] % 2)
    return build(channels, local_unit=is_cut)


CARD = Card(
    operators=(FastFourierConv2d, VolumetricFFC3d),
    reference=reference,
    papers=(
        Paper(
            "Quattrini, Pippi, Cascianelli and Cucchiara",
            2023,
            "Volumetric Fast Fourier Convolution for Detecting Ink on the Carbonized Herculaneum Papyri",
            "https://arxiv.org/abs/2308.05070",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case(
            (2, 3, 3, 5), lambda: FastFourierConv2d(3, 5, local_unit=False), {"local": 1, "local_unit": False}
        ),
        Case((1, 10, 4, 2), lambda: FastFourierConv2d(10, ratio=0.8), {"local": 2}),
        Case((1, 3, 2, 2, 4), lambda: VolumetricFFC3d(3, 10, (3, 1, 3), ratio=0.8), {"local": 1}),
    ),
    refuses=(
        BadInput((2, 5, 4, 4), lambda: FastFourierConv2d(4, 11), says="C = 4"),
        BadInput((2, 11, 5, 4), lambda: FastFourierConv2d(11), says="even H and W"),
        BadInput((2, 11, 4, 4), lambda: FastFourierConv2d(11, kernel_size=2), says="odd kernel_size"),
        BadInput((2, 11, 4, 4), lambda: VolumetricFFC3d(11), says="(B, C, D, H, W)"),
    ),
    mixer=_mixer,
)
