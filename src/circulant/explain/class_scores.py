"""What a classifier gives to one class of each picture."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.evaluation import in_evaluation
from circulant.explain.layer_outputs import require_pictures

CHUNK = 128  # pictures at once


def logits_of(network: nn.Module, x: Tensor, targets: Tensor) -> Tensor:
    """Logit of each picture's class.  Shapes: x (N, C, H, W), targets (N,) -> (N,)."""
    logits = network(x)
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        raise ShapeError(
            "expected a classifier that gives logits (B, classes), got another output; add a head to it"
        )
    return logits.gather(1, targets[:, None])[:, 0]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """Pictures, the class that is to be explained in each, and what the score is."""

    network: nn.Module
    x: Tensor  # (B, C, H, W)
    targets: Tensor  # (B,)
    is_probability: bool  # else the logit

    def __call__(self, pictures: Tensor, origin: Tensor) -> Tensor:
        """Scores without gradients.  Shapes: pictures (N, C, H, W), origin (N,), rows of x -> (N,)."""
        scores = []
        with in_evaluation(self.network), torch.no_grad():
            for part, rows in zip(pictures.split(CHUNK), origin.split(CHUNK), strict=True):
                logits = self.network(part)
                values = logits.softmax(1) if self.is_probability else logits
                scores.append(values.gather(1, self.targets[rows][:, None])[:, 0])
        return torch.cat(scores)


def decision(
    network: nn.Module, x: Tensor, targets: Tensor | None, *, is_probability: bool = True
) -> Decision:
    """targets None: the classes that the network decides for."""
    require_pictures(x)
    with in_evaluation(network), torch.no_grad():
        logits = torch.cat([network(part) for part in x.split(CHUNK)])
    if logits.ndim != 2:
        raise ShapeError(
            f"expected a classifier that gives logits (B, classes), got {tuple(logits.shape)}; add a head"
        )
    targets = logits.argmax(1) if targets is None else targets
    if targets.shape != (len(x),) or targets.is_floating_point():
        raise ShapeError(
            f"expected one class for each of {len(x)} pictures, got {tuple(targets.shape)} {targets.dtype}"
        )
    if int(targets.min()) < 0 or int(targets.max()) >= logits.shape[1]:
        raise ArgumentError(f"expected classes from 0 to {logits.shape[1] - 1}, got {targets.tolist()}")
    return Decision(network, x.detach(), targets, is_probability)
