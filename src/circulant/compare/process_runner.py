"""Trials in worker processes of this machine."""

import signal
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, final

from circulant.compare.experiment import Experiment, TrialSpec
from circulant.compare.records import Failure
from circulant.compare.runner import Outcome, Runner
from circulant.compare.trial import attempt
from circulant.core.errors import ArgumentError

ATTEMPTS = 2  # of a trial whose worker dies


@final
@dataclass(slots=True)
class _Worker:
    """A process, our end of its pipe, and what it works on."""

    process: SpawnProcess
    connection: "Connection[TrialSpec | Experiment, Outcome]"
    briefed: bool = False  # has the experiment
    spec: TrialSpec | None = None

    def stop(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.join()


@final
class Processes(Runner):
    """A fixed number of workers. A trial whose worker dies is run once more."""

    def __init__(self, jobs: int) -> None:
        if jobs < 1:
            raise ArgumentError(f"expected at least 1 job, got {jobs}; leave --jobs out to run one by one")
        self.jobs = jobs

    def run(self, experiment: Experiment, specs: Sequence[TrialSpec]) -> Iterator[Outcome]:
        waiting = deque(specs)
        tries: Counter[TrialSpec] = Counter()
        workers: list[_Worker] = []
        try:
            while waiting or any(worker.spec for worker in workers):
                self._assign(experiment, waiting, workers)
                for worker in _ready(workers):
                    spec, outcome = worker.spec, _receive(worker)
                    assert spec is not None
                    tries[spec] += 1
                    if outcome is not None:
                        yield outcome
                        continue
                    worker.stop()
                    workers.remove(worker)
                    if tries[spec] < ATTEMPTS:
                        waiting.appendleft(spec)
                    else:
                        yield _died(spec, worker.process.exitcode)
        finally:
            for worker in workers:
                worker.stop()

    def _assign(self, experiment: Experiment, waiting: deque[TrialSpec], workers: list[_Worker]) -> None:
        """Work for every idle worker; as many of them as there is room and work for."""
        busy = sum(worker.spec is not None for worker in workers)
        while len(workers) < min(self.jobs, len(waiting) + busy):
            workers.append(_start())  # all start together: sending to the first waits until it is up
        for worker in workers:
            if waiting and worker.spec is None:
                _send(worker, experiment, waiting.popleft())


def _start() -> _Worker:
    context = get_context("spawn")  # a forked child would inherit the locks of torch's threads
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,), daemon=True)
    with _without_interrupts():
        process.start()
    theirs.close()  # so that the child's death ends the pipe
    return _Worker(process, ours)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """A process started inside never hears Ctrl-C: the driver does, and stops its workers."""
    resource_tracker.ensure_running()  # its own start would let interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _send(worker: _Worker, experiment: Experiment, spec: TrialSpec) -> None:
    worker.spec = spec
    try:
        if not worker.briefed:
            worker.connection.send(experiment)
            worker.briefed = True
        worker.connection.send(spec)
    except OSError:  # dead already: reading its pipe says so
        return


def _ready(workers: Sequence[_Worker]) -> list[_Worker]:
    """Busy workers that have answered or died; waits for the first."""
    busy = {worker.connection: worker for worker in workers if worker.spec}
    return [busy[connection] for connection in wait(list(busy)) if isinstance(connection, Connection)]


def _receive(worker: _Worker) -> Outcome | None:
    """The answer, or None from a dead worker."""
    try:
        outcome = worker.connection.recv()
    except (EOFError, OSError):
        return None
    worker.spec = None
    return outcome


def _died(spec: TrialSpec, exitcode: int | None) -> Failure:
    return Failure(
        spec.operator, spec.seed, f"its worker process died {ATTEMPTS} times, last with exit code {exitcode}"
    )


def _work(connection: Any) -> None:
    """Body of a worker: hear the experiment, then answer specs until the other end closes."""
    try:
        experiment: Experiment = connection.recv()
        while True:
            connection.send(attempt(experiment, connection.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
