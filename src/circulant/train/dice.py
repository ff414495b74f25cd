"""Dice: how well two regions overlap, as a score and as a loss."""

import torch.nn.functional as F
from torch import Tensor

SMOOTH = 1.0  # added above and below, so that two empty regions agree


def dice(found: Tensor, wanted: Tensor) -> Tensor:
    """2 |A and B| / (|A| + |B|) of each example; 1 where both are empty.

    Shapes: found, wanted (B, ...) of zeros and ones or booleans -> (B,).
    """
    a, b = found.flatten(1).to(wanted.dtype).double(), wanted.flatten(1).double()
    total = a.sum(1) + b.sum(1)
    return ((2 * (a * b).sum(1)) / total.clamp(min=1)).where(total > 0, total.new_ones(()))


def dice_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """1 - the Dice score of probabilities, over the whole batch at once.  logits, wanted (B, ...) alike."""
    probability = logits.sigmoid()
    overlap = (probability * wanted).sum()
    return 1 - (2 * overlap + SMOOTH) / (probability.sum() + wanted.sum() + SMOOTH)


def dice_cross_entropy(logits: Tensor, wanted: Tensor) -> Tensor:
    """The sum that segmentation networks are trained with: binary cross entropy and `dice_loss`."""
    return F.binary_cross_entropy_with_logits(logits, wanted) + dice_loss(logits, wanted)
