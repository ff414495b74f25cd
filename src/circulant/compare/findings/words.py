"""Counting and listing in words. Names of operators go in as they are: never inflected, never lower-cased."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from circulant.compare.records import CONTROL, Budget, BudgetUnit, DataSummary
from circulant.compare.statistics import Standing
from circulant.data.task import Task
from circulant.report.numbers import TIME, show, whole

COUNTS = (
    *("no", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
LISTED = 6  # names in a sentence before the rest is counted


@final
@dataclass(frozen=True, slots=True)
class Noun:
    singular: str
    plural: str

    def counted(self, count: int) -> str:
        """1 operator, 3 operators: digits, for figures."""
        return f"{whole(count)} {self.singular if count == 1 else self.plural}"

    def worded(self, count: int) -> str:
        """one operator, three operators: words up to twelve, for sentences."""
        return f"{count_word(count)} {self.singular if count == 1 else self.plural}"


OPERATOR = Noun("operator", "operators")
SEED = Noun("seed", "seeds")
RUN = Noun("run", "runs")
PAIR = Noun("pair", "pairs")
IMAGE = Noun("image", "images")
SEQUENCE = Noun("sequence", "sequences")
WINDOW = Noun("window", "windows")
FIELD = Noun("field", "fields")


def example_noun(data: DataSummary) -> Noun:
    """What one test example is called."""
    if data.task is Task.CLASSIFICATION:
        return IMAGE if is_image(data) else SEQUENCE
    return WINDOW if data.task is Task.NEXT_CHARACTER else FIELD


def is_image(data: DataSummary) -> bool:
    return data.task is Task.CLASSIFICATION and len(data.shape) == 3


def count_word(count: int) -> str:
    return COUNTS[count] if 0 <= count < len(COUNTS) else whole(count)


def listing(names: Sequence[str], last: str = "and") -> str:
    """A, B and C; a long list ends in the number of those left out."""
    if len(names) > LISTED + 1:
        return f"{', '.join(names[:LISTED])} and {whole(len(names) - LISTED)} more"
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def shown_name(operator: str) -> str:
    return "No operator" if operator == CONTROL else operator


def names_of(standings: Sequence[Standing]) -> str:
    return listing([standing.operator for standing in standings])


def batch_time(standing: Standing, data: DataSummary) -> str:
    """4.70 ms for 64 images; empty where it was not measured."""
    if standing.profile is None:
        return ""
    return f"{show(standing.forward_seconds, TIME)} for {example_noun(data).counted(standing.profile.batch)}"


def budget_words(budget: Budget) -> str:
    """2 epochs, 1 epoch, 60 seconds of training."""
    if budget.unit is BudgetUnit.EPOCHS:
        return f"{budget.amount:g} {'epoch' if budget.amount == 1 else 'epochs'}"
    return f"{budget.amount:g} {'second' if budget.amount == 1 else 'seconds'} of training"
