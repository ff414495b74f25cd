"""Effective receptive field: which inputs move the centre of the output (Luo et al., 2016,
Understanding the Effective Receptive Field in Deep Convolutional Neural Networks,
https://arxiv.org/abs/1701.04128)."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from circulant.explain.centre_gradient import centre_gradients
from circulant.report.curve_panel import receptive_curve
from circulant.report.fragment import standalone
from circulant.report.map_panel import receptive_map


@final
@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """Mean |dy_centre / dx| over channels and examples; share sums to 1. share (H, W), or (1, L).

    All shares and half_side are 0 where the centre does not depend on x at all.
    """

    share: NDArray[np.float64]
    half_side: int  # side in samples of the smallest centred square (interval) with half of it
    even_half_side: int  # the same for a map of equal shares: what an even spread would give

    def plot(self) -> str:
        """A stand-alone SVG picture; the frame holds half of the share."""
        draw = receptive_curve if self.share.shape[0] == 1 else receptive_map
        return standalone(draw(self.share, self.half_side, "Receptive field"))


def effective_receptive_field(module: nn.Module, features: Tensor) -> ReceptiveField:
    """Receptive field of the output's centre, averaged over the given features.

    Shapes: features (B, C, L) or (B, C, H, W). Per example, gradients of signed sums over the output
    channels; absolute values averaged. Computed in float64 on a copy in eval mode.
    """
    gradient = centre_gradients(module, features).abs().mean((0, 1, 2)).numpy()
    spread = np.atleast_2d(gradient)
    total = float(spread.sum())
    share = spread / total if np.isfinite(total) and total > 0 else np.zeros_like(spread)
    even = np.full_like(spread, 1 / spread.size)
    return ReceptiveField(share, half_side(share), half_side(even))


def half_side(share: NDArray[np.float64]) -> int:
    """Smallest odd side of a square around the centre (n // 2) that holds half; 0 for an empty map."""
    if share.sum() == 0:
        return 0
    distance = [np.abs(np.arange(n) - n // 2) for n in share.shape]
    ring = np.maximum(distance[0][:, None], distance[1][None, :])
    held = np.cumsum(np.bincount(ring.ravel(), weights=share.ravel()))
    return 2 * int(np.argmax(held >= 0.5 - 1e-12)) + 1
