"""Starts the process that measures, and hears what it has found."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from tempfile import TemporaryDirectory
from typing import Any, final

from circulant.bench.settings import Settings
from circulant.core.errors import CirculantError
from circulant.engine.wisdom import FOLDER_VARIABLE


@final
class MeasuringError(CirculantError, RuntimeError):
    """The process that measures has died."""


def findings(job: Mapping[str, Any], settings: Settings) -> Iterator[dict[str, Any]]:
    """Lines of JSON from circulant.bench.worker, as they come. Closing the iterator ends the process.

    Its cache folder is a new one: times that were measured before do not decide what is timed.
    """
    with TemporaryDirectory(prefix="circulant-bench-") as empty:
        yield from _heard(job, settings.environment(os.environ) | {FOLDER_VARIABLE: empty})


def _heard(job: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "circulant.bench.worker"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,  # Ctrl-C is for us alone: we end it
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(json.dumps(job))
        process.stdin.close()
        for line in process.stdout:
            yield json.loads(line)
        if process.wait() != 0:
            raise MeasuringError(
                f"expected the measuring process to end by itself, got exit code {process.returncode}; "
                "what it said stands above, and what it had finished is in the results"
            )
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
