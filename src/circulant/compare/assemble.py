"""From trials and measurements to the comparison that the report shows."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from circulant.compare.experiment import Experiment
from circulant.compare.measurements import Measurements
from circulant.compare.records import CONTROL, Comparison, DataSummary, Failure, HardExample, Settings, Trial
from circulant.data.dataset import Dataset
from circulant.data.guess import guess
from circulant.data.task import Task

MOST_HARD = 12  # examples shown


def assemble(
    experiment: Experiment,
    settings: Settings,
    trials: Sequence[Trial],
    failures: Sequence[Failure],
    measurements: Measurements,
) -> Comparison:
    dataset = experiment.dataset
    return Comparison(
        settings,
        _summary(dataset),
        experiment.describe(),
        measurements.machine,
        tuple(trials),
        measurements.profiles,
        tuple(failures),
        hard_examples(dataset, [trial for trial in trials if trial.operator != CONTROL]),
    )


def _summary(dataset: Dataset) -> DataSummary:
    return DataSummary(
        dataset.name,
        dataset.origin,
        dataset.task,
        dataset.shape,
        dataset.classes,
        len(dataset.train),
        len(dataset.test),
        tuple(dataset.test.y.tolist()) if dataset.task is Task.CLASSIFICATION else (),
        guess(dataset),
        dataset.fingerprint,
    )


def hard_examples(dataset: Dataset, trials: Sequence[Trial]) -> tuple[HardExample, ...]:
    """Test examples that more than half of the trials misread, the worst first; none but for classes."""
    if not trials or dataset.task is not Task.CLASSIFICATION:
        return ()
    predicted = np.array([trial.predicted for trial in trials])
    wrong = predicted != dataset.test.y
    share = wrong.mean(0)
    worst = sorted(np.flatnonzero(share > 0.5).tolist(), key=lambda index: (-share[index], index))
    return tuple(
        HardExample(
            index,
            int(dataset.test.y[index]),
            _pixels(dataset.test.x[index]),
            float(share[index]),
            tuple(guess for guess, _ in Counter(predicted[wrong[:, index], index].tolist()).most_common()),
        )
        for index in worst[:MOST_HARD]
    )


def _pixels(example: NDArray[np.float32]) -> NDArray[np.float32]:
    """As the report draws it: pictures (H, W) or (H, W, 3) in 0..1, series as they are."""
    if example.ndim == 2:
        return example
    low, high = float(example.min()), float(example.max())
    if low < 0 or high > 1:
        example = (example - low) / (high - low)
    if len(example) >= 3:
        return np.ascontiguousarray(example[:3].transpose(1, 2, 0))
    grey: NDArray[np.float32] = example[0]
    return grey
