"""What a comparison ranks by: the number, which direction is better, and the words that go with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from circulant.compare.records import DataSummary
from circulant.data.task import Task
from circulant.report.numbers import THIN, half_width, points


@final
@dataclass(frozen=True, slots=True)
class Metric:
    """The score of a trial, a mean over test examples. Differences between scores carry their sign."""

    key: str  # its name in files
    name: str  # accuracy
    lower_is_better: bool
    better: str  # what an operator is that is ahead: more accurate
    best: str  # most accurate
    good: str  # accurate
    highest: str  # the question for the best value: highest accuracy
    top: str  # what several are too close to: best accuracy
    costs: str  # what has its price in time: more accuracy costs
    scored: str  # what an example is scored by in the paired test
    verb: str  # what a network does with an example
    times: float  # what is printed is the score times this
    symbol: str  # unit of what is printed
    decimals: int
    full: str  # completes a printed value to a phrase: 90 % accuracy
    steps: str  # what a difference counts
    nearly: float  # share of the best that an alternative must keep
    climbing: float  # a gain between two evaluations that counts as still learning
    climbed: str  # that gain in words
    levels: tuple[float, ...]  # round values, best first
    round_to: float  # step of the ends of a scale
    logarithmic: bool  # whether learning curves are drawn so

    @property
    def title(self) -> str:
        return self.name[0].upper() + self.name[1:]

    @property
    def axis(self) -> str:
        return f"{self.title}, {self.symbol}" if self.times != 1 else self.title

    def gain(self, one: float, other: float) -> float:
        """By how much one score is better than another; negative where it is worse."""
        return other - one if self.lower_is_better else one - other

    def ahead(self, difference: float) -> bool:
        """Whether a first score minus a second says that the first is better."""
        return self.gain(difference, 0.0) > 0

    def keeps(self, one: float, best: float) -> bool:
        """Whether one gives up no more of the best than an alternative may."""
        if self.lower_is_better:
            return one * self.nearly <= best
        return one >= self.nearly * best > 0

    def show(self, value: float, decimals: int | None = None) -> str:
        places = self.decimals if decimals is None else decimals
        return f"{value * self.times:.{places}f}{THIN}{self.symbol}".replace("-", "−")

    def round(self, value: float) -> str:
        """A round value with as few decimals as show it."""
        number = f"{value * self.times:.6f}".rstrip("0").rstrip(".")
        return f"{number}{THIN}{self.symbol}"

    def rough(self, value: float) -> str:
        """With one decimal less than the score."""
        return self.show(value, self.decimals - 1)

    def reading(self, value: float) -> str:
        """90.0 % accuracy, 1.934 bits per character."""
        return f"{self.show(value)} {self.full}"

    def half_width(self, low: float, high: float) -> str:
        return half_width(low, high, self.times, self.decimals)

    def difference(self, value: float) -> str:
        """Signed, in the unit of what is printed."""
        return points(value, self.times, self.decimals)


ACCURACY = Metric(
    "accuracy",
    "accuracy",
    lower_is_better=False,
    better="more accurate",
    best="most accurate",
    good="accurate",
    highest="highest accuracy",
    top="best accuracy",
    costs="more accuracy costs",
    scored="the share of seeds that read it correctly",
    verb="read",
    times=100.0,
    symbol="%",
    decimals=1,
    full="accuracy",
    steps="points",
    nearly=0.98,
    climbing=0.01,
    climbed="a point",
    levels=(0.999, 0.99, 0.98, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1),
    round_to=0.01,
    logarithmic=True,
)
BITS = Metric(
    "bits_per_character",
    "bits per character",
    lower_is_better=True,
    better="better",
    best="best",
    good="good",
    highest="fewest bits per character",
    top="fewest bits per character",
    costs="fewer bits cost",
    scored="its bits per character, averaged over seeds",
    verb="predicted",
    times=1.0,
    symbol="bits",
    decimals=3,
    full="per character",
    steps="bits",
    nearly=0.98,
    climbing=0.02,
    climbed="0.02 bits",
    levels=tuple(number / 10 for number in range(5, 80)),
    round_to=0.1,
    logarithmic=False,
)
RELATIVE_ERROR = Metric(
    "relative_error",
    "relative error",
    lower_is_better=True,
    better="more accurate",
    best="most accurate",
    good="accurate",
    highest="smallest relative error",
    top="smallest relative error",
    costs="a smaller error costs",
    scored="its relative error, averaged over seeds",
    verb="predicted",
    times=100.0,
    symbol="%",
    decimals=2,
    full="relative error",
    steps="points",
    nearly=0.9,  # errors differ by factors, where accuracies differ by parts
    climbing=0.002,
    climbed="0.2 points",
    levels=tuple(digit * power for power in (0.0001, 0.001, 0.01, 0.1) for digit in (1, 1.5, 2, 3, 5, 7)),
    round_to=0.01,
    logarithmic=True,
)

METRICS: Mapping[Task, Metric] = {
    Task.CLASSIFICATION: ACCURACY,
    Task.NEXT_CHARACTER: BITS,
    Task.FIELD: RELATIVE_ERROR,
}


def metric_of(data: DataSummary) -> Metric:
    return METRICS[data.task]
