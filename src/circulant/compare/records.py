"""What a comparison is made of: settings in, trials and profiles out. Frozen records, no behaviour."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from circulant.core.sizes import Shape
from circulant.data.task import Task
from circulant.explain.frequency_response import FrequencyResponse
from circulant.explain.receptive_field import ReceptiveField

CONTROL = "control"  # the row without any operator; it never counts as best


class BudgetUnit(Enum):
    EPOCHS = "e"
    SECONDS = "s"


@dataclass(frozen=True, slots=True)
class Budget:
    """Training allowed to each trial, the same for all."""

    amount: float
    unit: BudgetUnit

    def __str__(self) -> str:
        return f"{self.amount:g}{self.unit.value}"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user asked for. title is free text of the user's own."""

    title: str
    operators: tuple[str, ...]  # without the control, which is always run
    seeds: tuple[int, ...]
    budget: Budget
    command: str  # reproduces the run


@dataclass(frozen=True, slots=True)
class DataSummary:
    """The data set as the report describes it."""

    name: str
    origin: str  # one sentence: where it comes from
    task: Task
    shape: Shape  # of one example: (channels, *spatial)
    classes: tuple[str, ...]  # or the characters of a text; empty for fields
    train_size: int
    test_size: int
    test_labels: tuple[int, ...]  # classes of the test examples; empty for other tasks
    guess: float  # score of the best answer that does not look at the example
    fingerprint: str  # sha256 over arrays and split


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One evaluation during training."""

    epoch: float
    seconds: float  # of training, evaluation excluded
    train_loss: float
    test_score: float


@dataclass(frozen=True, slots=True)
class Sight:
    """What the trained operator of the middle block sees. One-dimensional maps have one row."""

    receptive_field: ReceptiveField
    frequency_response: FrequencyResponse


@dataclass(frozen=True, slots=True)
class Trial:
    """One operator trained with one seed. Its result is predicted for classes, scores for other tasks."""

    operator: str
    seed: int
    predicted: tuple[int, ...]  # one class per test example, in the order of DataSummary.test_labels
    curve: tuple[CurvePoint, ...]
    train_seconds: float
    sight: Sight | None  # None for the control
    scores: tuple[float, ...] = ()  # one per test example, in the unit of the metric
    characters_right: float | None = None  # share of characters named rightly; of text alone


@dataclass(frozen=True, slots=True)
class Failure:
    """A trial that raised; the message is the last line of the error."""

    operator: str
    seed: int
    message: str


@dataclass(frozen=True, slots=True)
class Spread:
    """Median with the 10 % and 90 % quantiles, in seconds."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Profile:
    """What the whole network with one operator costs, measured apart from training."""

    operator: str
    parameters: int
    mac: float  # multiply-adds of one forward pass of one example
    forward: Spread  # seconds, one batch
    train_step: Spread  # seconds, one batch: forward, backward, update
    forward_byte: int  # peak of live allocations of one forward pass, weights not counted
    train_byte: int  # peak of live allocations of one training step: activations and gradients
    batch: int


@dataclass(frozen=True, slots=True)
class HardExample:
    """A test example that most trials misread. pixels (H, W) or (H, W, 3) in 0..1, or (C, L) series."""

    index: int
    label: int
    pixels: NDArray[np.float32]
    wrong_share: float
    guesses: tuple[int, ...]  # wrong classes, most frequent first


@dataclass(frozen=True, slots=True)
class Backbone:
    """The network that every operator was put into."""

    sentence: str
    width: int
    depth: int
    batch: int
    optimiser: str
    first: str = "stem"  # what stands before the blocks
    last: str = "head"  # and after them


@dataclass(frozen=True, slots=True)
class Machine:
    processor: str
    cores: int
    threads: int
    memory_byte: int
    load: float  # one-minute load average when profiling began
    versions: tuple[tuple[str, str], ...]  # (package, version)
    date: str  # ISO 8601


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything the report shows."""

    settings: Settings
    data: DataSummary
    backbone: Backbone
    machine: Machine
    trials: tuple[Trial, ...]
    profiles: tuple[Profile, ...]
    failures: tuple[Failure, ...]
    hard_examples: tuple[HardExample, ...]
