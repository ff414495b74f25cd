"""How much of the machine others used while we measured."""

import os
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

STAT = Path("/proc/stat")
BUSY_FIELDS = (1, 2, 3, 6, 7, 8)  # user, nice, system, irq, softirq, steal
ALLOWED_CORES = 0.1  # of others; more makes times untrustworthy
ALLOWED_SPREAD = 0.25  # quartile distance over median of our own times


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Seconds on the wall, of this process on all cores, and of the whole machine on all cores."""

    wall: float
    own: float
    machine: float | None  # None where the system does not tell


def snapshot() -> Snapshot:
    return Snapshot(perf_counter(), process_time(), _machine_seconds())


def cores_of_others(before: Snapshot, after: Snapshot) -> float:
    """Cores that other processes kept busy on average; not a number where the system does not tell."""
    if before.machine is None or after.machine is None or after.wall <= before.wall:
        return float("nan")
    theirs = (after.machine - before.machine) - (after.own - before.own)
    return max(theirs, 0.0) / (after.wall - before.wall)


def is_contended(others: float, spread: float) -> bool:
    return others > ALLOWED_CORES or spread > ALLOWED_SPREAD


def load_average() -> float:
    """Of the last minute; our own runs count too."""
    return os.getloadavg()[0]


def _machine_seconds() -> float | None:
    if not STAT.is_file():
        return None
    fields = STAT.read_text().split("\n", 1)[0].split()
    return sum(int(fields[index]) for index in BUSY_FIELDS) / os.sysconf("SC_CLK_TCK")
