"""Trials on a Ray cluster. Workers compute, the driver alone writes the store."""

from collections.abc import Iterator, Sequence
from logging import ERROR
from socket import create_connection
from typing import Any, final

from circulant.compare.experiment import Experiment, TrialSpec
from circulant.compare.records import Failure
from circulant.compare.runner import Outcome, Runner
from circulant.compare.trial import attempt
from circulant.core.errors import CirculantError
from circulant.data.installed import require

CONNECT_SECONDS = 5.0
RETRIES = 2  # of a trial whose worker or machine dies


@final
class RayCluster(Runner):
    """One CPU per trial. Ray runs a trial again when its worker dies."""

    def __init__(self, address: str) -> None:
        """address as ray.init takes it; "local" starts a cluster on this machine."""
        require("ray", "ray")
        self.address = address

    def run(self, experiment: Experiment, specs: Sequence[TrialSpec]) -> Iterator[Outcome]:
        import ray

        started_here = not ray.is_initialized()
        if started_here:
            self._connect()
        try:
            shared = ray.put(experiment)
            remote = ray.remote(num_cpus=1, max_retries=RETRIES)(attempt)
            running = {remote.remote(shared, spec): spec for spec in specs}
            while running:
                finished, _ = ray.wait(list(running), num_returns=1)
                yield _collect(finished[0], running.pop(finished[0]))
        finally:
            if started_here:
                ray.shutdown()

    def _connect(self) -> None:
        import ray

        try:
            _require_reachable(self.address)
            ray.init(address=self.address, include_dashboard=False, log_to_driver=False, logging_level=ERROR)
        except (OSError, ValueError, RuntimeError) as error:
            raise CirculantError(
                f"expected a Ray cluster at {self.address}, but {error}; start one with `ray start --head`, "
                "or give --ray local"
            ) from error


def _require_reachable(address: str) -> None:
    """Ray itself would try a dead address for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:
        create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()


def _collect(reference: Any, spec: TrialSpec) -> Outcome:
    import ray

    try:
        outcome: Outcome = ray.get(reference)
    except ray.exceptions.RayError as error:
        reason = f"lost on the cluster after {RETRIES + 1} attempts: {str(error).strip().splitlines()[0]}"
        return Failure(spec.operator, spec.seed, reason)
    return outcome
