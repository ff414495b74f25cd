"""Ways to run trials."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import final

from circulant.compare.experiment import Experiment, TrialSpec
from circulant.compare.records import Failure, Trial
from circulant.compare.trial import attempt

Outcome = Trial | Failure


class Runner(ABC):
    """Abstract. Yields one outcome per spec as they finish, in any order."""

    @abstractmethod
    def run(self, experiment: Experiment, specs: Sequence[TrialSpec]) -> Iterator[Outcome]: ...


@final
class Serial(Runner):
    """One after another, in this process."""

    def run(self, experiment: Experiment, specs: Sequence[TrialSpec]) -> Iterator[Outcome]:
        for spec in specs:
            yield attempt(experiment, spec)
