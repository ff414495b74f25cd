r"""The door to orthogonal wavelet transforms of one level, periodic, over the last axes.

With taps h of the lowpass, g[i] = (-1)^i h[T - 1 - i] and s = T / 2 - 1, along one axis of n samples

    low[k] = sum_i h[i] x[2 k + i - s],   high[k] = sum_i g[i] x[2 k + i - s],   indices modulo n,

which is an orthogonal map; Haar is (x[2 k] +- x[2 k + 1]) / sqrt(2). It agrees with PyWavelets' mode
"periodization". In bands, the first axis counts most: of a picture they are low, high along W, high along H,
high along both ("aa", "ad", "da", "dd" in PyWavelets' words).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.core.sizes import product
from circulant.engine.convolution import convolution


@final
@dataclass(frozen=True, slots=True)
class Wavelet:
    """The taps of an orthogonal lowpass: an even number of them, with the sum sqrt(2)."""

    name: str
    taps: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.taps or len(self.taps) % 2:
            raise ArgumentError(f"expected an even number of taps, got {len(self.taps)}; add a zero")

    @property
    def high_taps(self) -> tuple[float, ...]:
        """g: the taps backwards with alternating signs."""
        return tuple((-1) ** i * tap for i, tap in enumerate(reversed(self.taps)))


# Daubechies, "Orthonormal bases of compactly supported wavelets" (1988), Table 1; the digits are those of a
# spectral factorisation in 40 digits.
HAAR = Wavelet("haar", (0.5**0.5, 0.5**0.5))
DAUBECHIES2 = Wavelet(
    "db2", (0.482962913144534143, 0.836516303737807906, 0.224143868042013381, -0.129409522551260381)
)
DAUBECHIES3 = Wavelet(
    "db3",
    (
        0.332670552950082616, 0.806891509311092576, 0.459877502118491570,
        -0.135011020010254589, -0.0854412738820266617, 0.0352262918857095366,
    ),
)  # fmt: skip
DAUBECHIES4 = Wavelet(
    "db4",
    (
        0.230377813308896501, 0.714846570552915647, 0.630880767929858908, -0.0279837694168598542,
        -0.187034811719093084, 0.0308413818355607636, 0.0328830116668851997, -0.0105974017850690321,
    ),
)  # fmt: skip
WAVELETS = (HAAR, DAUBECHIES2, DAUBECHIES3, DAUBECHIES4)


def dwt(x: Tensor, ndim: int, wavelet: Wavelet = HAAR) -> Tensor:
    """x (..., n_1, .., n_d) of even sizes -> bands (..., 2^d, n_1 / 2, .., n_d / 2), d = ndim."""
    _require_real(x)
    sizes = tuple(x.shape[-ndim:])
    if ndim < 1 or x.ndim < ndim or any(size % 2 or size == 0 for size in sizes):
        raise ShapeError(
            f"expected x with even sizes along its last {ndim} axes, got {tuple(x.shape)}; "
            "pad odd axes by one sample"
        )
    if wavelet == HAAR:
        return _haar(x, ndim)
    parts = [x]
    for axis in range(-ndim, 0):
        parts = [half for part in parts for half in _split(part, axis, wavelet)]
    return torch.stack(parts, -1 - ndim)


def idwt(bands: Tensor, ndim: int, wavelet: Wavelet = HAAR) -> Tensor:
    """bands (..., 2^d, n_1, .., n_d) -> x (..., 2 n_1, .., 2 n_d), the inverse and adjoint of `dwt`."""
    _require_real(bands)
    if ndim < 1 or bands.ndim <= ndim or bands.shape[-1 - ndim] != 2**ndim:
        raise ShapeError(
            f"expected bands (..., {2**ndim}, *spatial) with {ndim} axes, got {tuple(bands.shape)}"
        )
    if wavelet == HAAR:
        return _haar_inverse(bands, ndim)
    parts = list(bands.unbind(-1 - ndim))
    for axis in range(-1, -1 - ndim, -1):
        parts = [_join(low, high, axis, wavelet) for low, high in zip(parts[::2], parts[1::2])]
    return parts[0]


def _require_real(x: Tensor) -> None:
    if not x.is_floating_point():
        raise DtypeError(f"expected x of a floating-point dtype, got {x.dtype}; convert it with x.float()")


def _haar(x: Tensor, ndim: int) -> Tensor:
    parts: Sequence[Tensor] = [x * 0.5 ** (ndim / 2)]
    for axis in range(-ndim, 0):
        phases = [_phases(part, axis) for part in parts]
        parts = [band for even, odd in phases for band in (even + odd, even - odd)]
    return torch.stack(list(parts), -1 - ndim)


def _haar_inverse(bands: Tensor, ndim: int) -> Tensor:
    parts: Sequence[Tensor] = (bands * 0.5 ** (ndim / 2)).unbind(-1 - ndim)
    for axis in range(-1, -1 - ndim, -1):
        pairs = zip(parts[::2], parts[1::2])
        parts = [_interleaved(low + high, low - high, axis) for low, high in pairs]
    return parts[0]


def _phases(x: Tensor, axis: int) -> tuple[Tensor, ...]:
    """The even and the odd samples along an axis that is counted from the end."""
    place = x.ndim + axis
    return x.unflatten(place, (x.shape[place] // 2, 2)).unbind(place + 1)


def _interleaved(even: Tensor, odd: Tensor, axis: int) -> Tensor:
    """(.., n, ..) twice -> (.., 2 n, ..)."""
    place = even.ndim + axis
    return torch.stack([even, odd], place + 1).flatten(place, place + 1)


def _split(x: Tensor, axis: int, wavelet: Wavelet) -> Sequence[Tensor]:
    """The two bands along an axis: a convolution of the two phases with a tap for each place around."""
    place, half = x.ndim + axis, x.shape[axis] // 2
    lead, after = x.shape[:place], x.shape[place + 1 :]
    phases = x.reshape(product(lead), half, 2, product(after)).transpose(1, 2)
    return _circular(phases, _polyphase(wavelet, x)).reshape(*lead, 2, half, *after).unbind(place)


def _join(low: Tensor, high: Tensor, axis: int, wavelet: Wavelet) -> Tensor:
    place, half = low.ndim + axis, low.shape[axis]
    lead, after = low.shape[:place], low.shape[place + 1 :]
    bands = torch.stack([low, high], place).reshape(product(lead), 2, half, product(after))
    phases = _circular(bands, _polyphase(wavelet, low).transpose(0, 1).flip(2))
    return phases.transpose(1, 2).reshape(*lead, 2 * half, *after)


def _polyphase(wavelet: Wavelet, like: Tensor) -> Tensor:
    """(band, phase, place, 1): the taps of even and of odd samples, T / 4 places before and after."""
    around = (0.0,) if len(wavelet.taps) % 4 == 0 else ()
    rows = [(*around, *taps, *around) for taps in (wavelet.taps, wavelet.high_taps)]
    return torch.tensor(rows, dtype=like.dtype, device=like.device).unflatten(1, (-1, 2, 1)).transpose(1, 2)


def _circular(x: Tensor, weight: Tensor) -> Tensor:
    """x (rows, 2, n, m) with an odd number of taps along n, indices modulo n."""
    reach, n = weight.shape[2] // 2, x.shape[2]
    if reach:
        around = x if n >= reach else x.repeat(1, 1, -(-reach // n), 1)
        x = torch.cat([around[:, :, around.shape[2] - reach :], x, around[:, :, :reach]], 2)
    ones, none = (1, 1), ((0, 0), (0, 0))
    return convolution(x, weight, stride=ones, padding=none, dilation=ones)
