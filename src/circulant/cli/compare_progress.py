"""What a person sees while a comparison runs."""

from types import TracebackType
from typing import Self, final

from rich.console import Console

from circulant.cli.progress import bars
from circulant.compare.metric import Metric
from circulant.compare.records import Trial
from circulant.compare.run import Watch
from circulant.compare.runner import Outcome

PROFILE_STEPS = 100


@final
class ComparisonProgress:
    """Bars on the terminal, plain lines elsewhere; always on stderr, so that --json stays clean."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._console = Console(stderr=True)
        self._bars = bars(self._console)
        self._trials = self._bars.add_task("training", total=None)
        self._profiling = self._bars.add_task("profiling", total=PROFILE_STEPS, visible=False)
        self._done = self._total = 0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def watch(self) -> Watch:
        return Watch(self._reused, self._finished, self._profiled)

    def _reused(self, found: int, total: int) -> None:
        self._done, self._total = found, total
        self._bars.update(self._trials, completed=found, total=total)
        if found:
            self._say(f"{found} of {total} trials were finished before and are reused")

    def _finished(self, outcome: Outcome) -> None:
        self._done += 1
        self._bars.update(self._trials, completed=self._done)
        result = self._metric.show(outcome.curve[-1].test_score) if isinstance(outcome, Trial) else "failed"
        name = f"{outcome.operator}, seed {outcome.seed}"
        self._bars.update(self._trials, description=f"training ({name}: {result})")
        if not self._console.is_terminal:
            self._say(f"{self._done} of {self._total}  {name}: {result}")

    def _profiled(self, share: float) -> None:
        if not self._console.is_terminal and share == 0:
            self._say("profiling, with operators taking turns")
        self._bars.update(self._profiling, completed=round(share * PROFILE_STEPS), visible=True)

    def _say(self, line: str) -> None:
        self._bars.console.print(line, highlight=False, markup=False)
