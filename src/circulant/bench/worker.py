"""The process that measures: a job comes in as JSON, findings go out as lines of JSON.

Started by `circulant.bench.child`, with the environment of one setting of malloc.
"""

import json
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

import torch

from circulant.bench.cells import cells_of
from circulant.bench.measure import measure
from circulant.bench.never_slower import measure_sampled
from circulant.bench.operations.table import find_operation
from circulant.bench.sampled import sampled_problems
from circulant.bench.settings import Malloc, Settings, malloc_of
from circulant.bench.workload import group_from
from circulant.core.errors import ArgumentError
from circulant.engine.wisdom import wisdom_path


def answers(job: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """For each task the cells of its rows."""
    settings = _settings(job["settings"])
    seen = malloc_of(environment)
    if seen is not settings.malloc:
        raise ArgumentError(
            f"expected the variables of {settings.malloc.value} malloc in the environment, got those of "
            f"{seen.value if seen else 'another setting'}; start it by `circulant bench`"
        )
    if wisdom_path().exists():
        raise ArgumentError(
            f"expected no times measured before, by which plans would be made, got {wisdom_path()}; "
            "start it by `circulant bench`"
        )
    torch.set_num_threads(settings.threads)
    for task in job["tasks"]:
        group, shape = group_from(task["group"]), tuple(task["shape"])
        operation = find_operation(group.operation)
        assert operation is not None  # `circulant bench` sends what can be run
        rows = measure(operation(shape), group, shape, settings)
        yield {"rows": [cells_of(row) for row in rows]}
    for number in job["sampled"]:
        row = measure_sampled(number, sampled_problems()[number], settings)
        yield {"sampled": cells_of(row)}


def _settings(record: Mapping[str, Any]) -> Settings:
    return Settings(
        Malloc(record["malloc"]), record["threads"], record["budget"], tuple(record["without"]), record["isa"]
    )


def main() -> None:
    warnings.simplefilter("ignore")  # of peers: what matters of theirs is in the rows
    with _own_output() as out:
        for answer in answers(json.load(sys.stdin), os.environ):
            try:
                print(json.dumps(answer), file=out, flush=True)
            except BrokenPipeError:  # who started us is gone
                os._exit(1)


def _own_output() -> TextIO:
    """Our stdout; whatever packages print there goes to stderr from now on."""
    sys.stdout.flush()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


if __name__ == "__main__":
    main()
