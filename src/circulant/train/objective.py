"""What training lowers and what a test example is scored by, for each task."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from math import log
from statistics import fmean
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from circulant.data.task import Task
from circulant.train.predict import CHUNK, evaluating, mixed_order
from circulant.train.recipe import Recipe

Loss = Callable[[Tensor, Tensor], Tensor]  # (network's output, target) -> scalar


@final
@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a network's outputs for a batch say, one entry for each example."""

    scores: Tensor
    predicted: Tensor | None = None  # classes
    right: Tensor | None = None  # share of characters named rightly


@final
@dataclass(frozen=True, slots=True)
class Objective:
    """One task in training."""

    loss: Callable[[Recipe], Loss]
    read: Callable[[Tensor, Tensor], Reading]  # (network's output, target)


@final
@dataclass(frozen=True, slots=True)
class Result:
    """Of a network on the test part."""

    scores: tuple[float, ...]  # one per example
    predicted: tuple[int, ...]  # one class per example; empty where the task has none
    characters_right: float | None  # share of characters named rightly; None where there are none

    @property
    def score(self) -> float:
        return fmean(self.scores)


def evaluate(network: nn.Module, x: Tensor, y: Tensor, objective: Objective) -> Result:
    """In eval mode, a bounded number of examples at once in mixed order; the network's mode is put back."""
    order = mixed_order(len(x))
    with evaluating(network):
        readings = [objective.read(network(x[chosen]), y[chosen]) for chosen in order.split(CHUNK)]
    back = order.argsort()
    right = _joined((reading.right for reading in readings), back)
    return Result(
        tuple(_joined((reading.scores for reading in readings), back)),
        tuple(int(one) for one in _joined((reading.predicted for reading in readings), back)),
        fmean(right) if right else None,
    )


def _joined(parts: Iterable[Tensor | None], order: Tensor) -> list[float]:
    there = [part for part in parts if part is not None]
    return torch.cat(there)[order].tolist() if there else []


def _label_loss(recipe: Recipe) -> Loss:
    return partial(cross_entropy, label_smoothing=recipe.label_smoothing)


def _read_labels(logits: Tensor, y: Tensor) -> Reading:
    """1 where the class is right."""
    predicted = logits.argmax(1)
    return Reading((predicted == y).double(), predicted=predicted)


def _read_characters(logits: Tensor, y: Tensor) -> Reading:
    """Mean bits per character of each window."""
    nats = cross_entropy(logits, y, reduction="none").double()
    return Reading(nats.mean(1) / log(2), right=(logits.argmax(1) == y).double().mean(1))


def relative_errors(output: Tensor, y: Tensor) -> Tensor:
    """|output - y| / |y| in the L2 norm of each example.  Shapes: (B, C, *spatial) twice -> (B,)."""
    return (output - y).flatten(1).norm(dim=1) / y.flatten(1).norm(dim=1)


def _field_loss(recipe: Recipe) -> Loss:
    return lambda output, y: relative_errors(output, y).mean()


def _read_fields(output: Tensor, y: Tensor) -> Reading:
    return Reading(relative_errors(output.double(), y.double()))


OBJECTIVES: Mapping[Task, Objective] = {
    Task.CLASSIFICATION: Objective(_label_loss, _read_labels),
    Task.NEXT_CHARACTER: Objective(_label_loss, _read_characters),
    Task.FIELD: Objective(_field_loss, _read_fields),
}
