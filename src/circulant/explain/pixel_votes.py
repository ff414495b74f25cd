"""What each pixel adds to each class: the rows of the linear interpreter times the picture.

    logits[k] = sum over pixels of votes[k] + bias[k],    votes[k] = sum_c W[k, c] x[c].

After Navarrete Michelini, Liu, Lu and Jiang (2019), A Tour of Convolutional Networks Guided by Linear
Interpreters, https://arxiv.org/abs/1908.05168.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from circulant.core.errors import ShapeError
from circulant.explain.linear_interpreter import LinearInterpreter, interpreter_rows
from circulant.report.fragment import standalone
from circulant.report.picture_row import Picture, picture_row


@final
@dataclass(frozen=True, slots=True, eq=False)
class PixelVotes:
    """In logits. Votes of a class over all pixels and its bias add up to its logit."""

    votes: Tensor  # (classes, H, W)
    bias: Tensor  # (classes,)
    logits: Tensor  # (classes,)
    bias_share: float  # |b| / (|W x| + |b|), 0 to 1

    def plot(self, number: int | None = None) -> str:
        """A stand-alone SVG picture: what speaks for class `number` and what against; None: the winner."""
        number = int(self.logits.argmax()) if number is None else number
        votes = self.votes[number].double().cpu().numpy()
        high = float(np.abs(votes).max())
        pictures = (
            Picture(f"for class {number}", votes.clip(0), "logits", high),
            Picture(f"against class {number}", (-votes).clip(0), "logits", high),
        )
        return standalone(picture_row(pictures, f"Votes of the pixels on class {number}"))


def pixel_votes(interpreter: LinearInterpreter) -> PixelVotes:
    """Votes of a classifier, x (1, C, H, W) -> logits (1, classes)."""
    x, logits = interpreter.x, interpreter.output
    if x.ndim != 4 or logits.ndim != 2:
        raise ShapeError(
            "expected the interpreter of a classifier, (1, C, H, W) -> (1, classes), "
            f"got {tuple(x.shape)} -> {tuple(logits.shape)}"
        )
    rows = interpreter_rows(interpreter, torch.arange(logits.shape[1]))
    return PixelVotes((rows * x).sum(1), interpreter.bias[0], logits[0], interpreter.bias_share)
