"""Measured times of implementations, kept between runs in the user's cache folder.

One SQLite file, safe across processes. A damaged file is laid aside, said so, and begun anew: the
times can be measured again.
"""

import os
import sqlite3
import warnings
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from functools import lru_cache
from pathlib import Path

import torch

from circulant.backends.native import core as native_core
from circulant.problems.problem import Problem

FOLDER_VARIABLE = "CIRCULANT_CACHE"
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS seconds (machine TEXT, problem TEXT, implementation TEXT, seconds REAL, "
    "PRIMARY KEY (machine, problem, implementation))"
)


def wisdom_path() -> Path:
    """wisdom.sqlite in the folder that CIRCULANT_CACHE names, or in ~/.cache/circulant."""
    folder = os.environ.get(FOLDER_VARIABLE) or Path.home() / ".cache" / "circulant"
    return Path(folder) / "wisdom.sqlite"


def recall(problem: Problem, device: str) -> Mapping[str, float]:
    """Seconds of each implementation measured for this problem on this machine; often none."""
    return _recalled(wisdom_path(), machine_key(device)).get(repr(problem), {})


def remember(problem: Problem, device: str, seconds: Mapping[str, float]) -> None:
    path = wisdom_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    _read(path, machine_key(device))  # lays a damaged file aside
    rows = [(machine_key(device), repr(problem), name, value) for name, value in seconds.items()]
    with closing(sqlite3.connect(path, timeout=30)) as store, store:
        store.execute(SCHEMA)
        store.executemany("INSERT OR REPLACE INTO seconds VALUES (?, ?, ?, ?)", rows)
    _recalled.cache_clear()


def machine_key(device: str) -> str:
    """What a measured time depends on besides the problem."""
    is_gpu = device == "cuda" and torch.cuda.is_available()
    name = torch.cuda.get_device_name() if is_gpu else device
    level = native_core.instruction_set().value if native_core.is_available() else "no native core"
    return f"{name}, {torch.get_num_threads()} threads, torch {torch.__version__}, {level}"


@lru_cache(maxsize=8)
def _recalled(path: Path, machine: str) -> Mapping[str, Mapping[str, float]]:
    known: dict[str, dict[str, float]] = defaultdict(dict)
    for problem, implementation, seconds in _read(path, machine):
        known[problem][implementation] = seconds
    return dict(known)


def _read(path: Path, machine: str) -> list[tuple[str, str, float]]:
    if not path.exists():
        return []
    try:
        with closing(sqlite3.connect(path, timeout=30)) as store:
            store.execute(SCHEMA)
            query = "SELECT problem, implementation, seconds FROM seconds WHERE machine = ?"
            return list(store.execute(query, (machine,)))
    except sqlite3.DatabaseError as error:
        aside = path.with_name(f"{path.name}.damaged-{os.getpid()}")
        path.replace(aside)
        warnings.warn(
            f"expected measured times in {path}, got a file that cannot be read ({error}); "
            f"it was moved to {aside} and measuring starts anew",
            stacklevel=6,
        )
        return []
