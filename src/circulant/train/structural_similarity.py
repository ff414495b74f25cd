"""Structural similarity: how alike two images are in mean, contrast and pattern, window by window.

After Wang, Bovik, Sheikh and Simoncelli (2004), Image quality assessment: from error visibility to structural
similarity.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW, SPREAD = 11, 1.5  # of the Gaussian weights, in samples
MEAN_SHARE, CONTRAST_SHARE = 0.01, 0.03  # of the range, so that flat windows can be compared
SIMILARITY_WEIGHT = 0.1


def structural_similarity(found: Tensor, wanted: Tensor, value_range: float = 1.0) -> Tensor:
    """Mean over all windows that lie inside.  found, wanted (B, C, *spatial) alike -> scalar, 1 where equal.

    Axes shorter than the window are not averaged along.
    """
    means = [_averaged(one) for one in (found, wanted, found * found, wanted * wanted, found * wanted)]
    a, b, aa, bb, ab = means
    for_means, for_contrast = (MEAN_SHARE * value_range) ** 2, (CONTRAST_SHARE * value_range) ** 2
    alike = (2 * a * b + for_means) / (a * a + b * b + for_means)
    pattern = (2 * (ab - a * b) + for_contrast) / (aa - a * a + bb - b * b + for_contrast)
    return (alike * pattern).mean()


def absolute_and_structural_loss(found: Tensor, wanted: Tensor, value_range: float = 1.0) -> Tensor:
    """Mean absolute error and a tenth of what lacks in structural similarity, phases counted as channels.

    found, wanted (B, 1, T, D, H, W) -> scalar.
    """
    similarity = structural_similarity(found.flatten(1, 2), wanted.flatten(1, 2), value_range)
    return F.l1_loss(found, wanted) + SIMILARITY_WEIGHT * (1 - similarity)


def _averaged(x: Tensor) -> Tensor:
    """x (B, C, *spatial), weighted along each spatial axis that is long enough."""
    from_middle = torch.arange(WINDOW, dtype=x.dtype, device=x.device) - WINDOW // 2
    weights = torch.exp(-(from_middle**2) / (2 * SPREAD**2))
    weights = weights / weights.sum()
    for axis in range(2, x.ndim):
        if x.shape[axis] >= WINDOW:
            last = x.movedim(axis, -1)
            line = F.conv1d(last.reshape(-1, 1, last.shape[-1]), weights[None, None])
            x = line.reshape(*last.shape[:-1], -1).movedim(-1, axis)
    return x
