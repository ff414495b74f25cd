"""The kernel of structured global convolution: pieces of few parameters, stretched, faded and joined."""

from enum import Enum

import torch
import torch.nn.functional as F
from torch import Tensor

FADE = 0.5


class Upsampling(Enum):
    """How a piece is stretched: LINEAR between sample centres, NEAREST by repetition."""

    LINEAR = "linear"
    NEAREST = "nearest"


def sgconv_kernel(pieces: Tensor, upsampling: Upsampling = Upsampling.LINEAR) -> Tensor:
    """pieces (C, S, d) -> the kernel before normalisation (C, d 2^(S-1))."""
    stretched = [
        F.interpolate(piece[None], scale_factor=float(2 ** max(i - 1, 0)), mode=upsampling.value)[0] * FADE**i
        for i, piece in enumerate(pieces.unbind(1))
    ]
    return torch.cat(stretched, dim=-1)
