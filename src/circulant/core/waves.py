"""Cosines and sines of given frequencies."""

import torch
from torch import Tensor


def waves(n: int, frequencies: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """cos and sin of 2 pi k j / n for integers k, as matrices (frequencies, n) of the other tensor's kind."""
    # the phase is reduced modulo n in integers, so that large products lose no accuracy
    phase = torch.outer(frequencies, torch.arange(n, device=frequencies.device)) % n
    angle = (phase.double() * (2 * torch.pi / n)).to(like.device)
    return angle.cos().to(like.dtype), angle.sin().to(like.dtype)
