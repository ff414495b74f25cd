"""MNIST-1D: ten line figures that are stretched, scaled, shifted, sheared and covered with noise, 40 samples.

Greydanus and Kobak, Scaling Down Deep Learning with MNIST-1D, 2020, https://arxiv.org/abs/2011.14439.
Made here by the published recipe from its figures and its seed, of numpy alone; nothing is downloaded.
"""

from typing import final

import numpy as np
from numpy.typing import NDArray

from circulant.data.dataset import Dataset
from circulant.data.labelled import Labelled, paired_dataset

Signal = NDArray[np.float64]

# heights of each digit's outline, as published
FIGURES = (
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)
EXAMPLES, TRAINING = 5000, 4000
LENGTH = 40
PADDING = (36, 60)  # fewest and most samples of noise around a figure
CANVAS = len(FIGURES[0]) + PADDING[1]
SCALES = 0.4  # width of the interval of factors around 1
SHIFTS = 48
SHEARS = 0.75
CORRELATED, INDEPENDENT = 0.25, 0.02  # spreads of the noise; the former before it is smoothed
SMOOTHING = 2.0  # samples, standard deviation of the Gaussian window, cut off at 4 of them
INK = 1e-8  # sets a figure's own zeros apart from the empty canvas
SEED = 42

ORIGIN = (
    "MNIST-1D: 500 generated examples of each of ten digits, 40 samples, by the recipe of Greydanus and "
    f"Kobak with its seed {SEED}; {TRAINING} for training and {EXAMPLES - TRAINING} for testing."
)


def mnist_1d() -> Dataset:
    """4,000 training and 1,000 test examples, the same in every call."""
    draw = _Draw()
    per_class = EXAMPLES // len(FIGURES)
    examples = np.stack([draw.example(figure) for figure in figures() for _ in range(per_class)])
    order = draw.random.permutation(EXAMPLES)
    examples = ((examples - examples.mean()) / examples.std())[order, None].astype(np.float32)
    names = [str(digit) for digit in np.repeat(np.arange(len(FIGURES)), per_class)[order]]
    train = Labelled(examples[:TRAINING], names[:TRAINING])
    test = Labelled(examples[TRAINING:], names[TRAINING:])
    return paired_dataset("MNIST-1D", ORIGIN, train, test)


def figures() -> Signal:
    """The ten outlines (10, 12), of one spread, beginning at 0."""
    heights = np.array(FIGURES)
    scaled = (heights - heights.mean(1, keepdims=True)) / heights.std(1, keepdims=True)
    return (scaled - scaled[:, :1]) / 6


@final
class _Draw:
    """Examples one after the other from one stream of random numbers."""

    def __init__(self) -> None:
        self.random = np.random.RandomState(SEED)  # the published generator's kind of stream

    def example(self, figure: Signal) -> Signal:
        """One figure, moved and covered: (12,) -> (40,)."""
        low, high = PADDING
        empty = low + int(self.random.rand() * (high - low + 1))
        canvas = resampled(np.concatenate([figure + INK, np.zeros(empty)]), CANVAS)
        canvas = canvas * (1 + SCALES * (self.random.rand() - 0.5))
        canvas = np.roll(canvas, self.random.choice(SHIFTS))
        clutter = smoothed(CORRELATED * self.random.randn(CANVAS))
        canvas = np.where(canvas == 0, clutter, canvas) + INDEPENDENT * self.random.randn(CANVAS)
        slope = SHEARS * (self.random.rand() - 0.5)
        return resampled(canvas - slope * np.linspace(-0.5, 0.5, CANVAS), LENGTH)


def resampled(signal: Signal, length: int) -> Signal:
    """Linear interpolation, first and last samples kept."""
    return np.interp(np.linspace(0, 1, length), np.linspace(0, 1, len(signal)), signal)


def smoothed(signal: Signal) -> Signal:
    """Convolved with the Gaussian window; the signal is mirrored at its ends."""
    radius = round(4 * SMOOTHING)
    window = np.exp(-0.5 * (np.arange(-radius, radius + 1) / SMOOTHING) ** 2)
    return np.convolve(np.pad(signal, radius, mode="symmetric"), window / window.sum(), mode="valid")
