"""Starts the process that measures, and hears what it has found."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any, final

from circulant.bench.settings import Settings
from circulant.core.errors import CirculantError


@final
class MeasuringError(CirculantError, RuntimeError):
    """The process that measures has died."""


def findings(job: Mapping[str, Any], settings: Settings) -> Iterator[dict[str, Any]]:
    """Lines of JSON from circulant.bench.worker, as they come. Closing the iterator ends the process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "circulant.bench.worker"],
        env=settings.environment(os.environ),
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
