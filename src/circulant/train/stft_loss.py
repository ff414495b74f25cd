"""How far two signals are apart in the magnitudes of their short-time transforms."""

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.pairs import magnitude
from circulant.engine.transform import rfft

WINDOW, HOP = 16, 4  # samples, for sequences of some tens to hundreds of positions


def stft_magnitude(x: Tensor, window: int = WINDOW, hop: int = HOP) -> Tensor:
    """|STFT| of x (..., L) by a Hann window -> (..., window // 2 + 1, frames); frames lie inside x, unpadded.

    As |torch.stft(x, window, hop, window=torch.hann_window(window), center=False)|, but with a gradient of
    zero, not of nothing, where a bin is silent.
    """
    if not 1 <= hop <= window:
        raise ArgumentError(f"expected a hop of 1 to window = {window} samples, got {hop}")
    if x.shape[-1] < window:
        raise ShapeError(
            f"expected x (..., L) with L of at least window = {window}, got {tuple(x.shape)}; "
            "take a smaller window"
        )
    shape = torch.hann_window(window, dtype=x.dtype, device=x.device)
    spectrum = rfft(x.unfold(-1, window, hop) * shape)
    silent = (spectrum == 0).all(-1)
    return magnitude(spectrum)[..., 0].masked_fill(silent, 0).transpose(-1, -2)


def stft_loss(got: Tensor, expected: Tensor, window: int = WINDOW, hop: int = HOP) -> Tensor:
    """Mean squared difference of the magnitudes of two signals (..., L)."""
    if got.shape != expected.shape:
        raise ShapeError(
            f"expected two signals of one shape, got {tuple(got.shape)}, {tuple(expected.shape)}"
        )
    return (stft_magnitude(got, window, hop) - stft_magnitude(expected, window, hop)).square().mean()
