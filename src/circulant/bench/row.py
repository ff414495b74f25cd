"""One line of a results file: one contestant on one shape under one setting of malloc."""

from dataclasses import dataclass
from enum import Enum

from circulant.bench.contestant import Layout, Role
from circulant.bench.settings import Malloc
from circulant.bench.workload import Passes


class Status(Enum):
    """Only what is right is measured."""

    MEASURED = "measured"
    WRONG = "wrong"
    FAILED = "failed"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Row:
    """Times in seconds; ratio is how many times as long as ours, paired by rounds, with 95 % bounds.

    note: why there is no time; of ours, how it computes. error: relative L2 against float64.
    others: cores that other processes used meanwhile. peak_byte: most bytes that torch's allocator held at
    once for one call, operands not counted; not a number where nobody asked or who ran is not torch's.
    """

    group: str
    operation: str
    passes: Passes
    shape: str
    contestant: str
    role: Role
    status: Status
    note: str
    malloc: Malloc
    threads: int
    isa: str
    dtype: str
    layout: Layout
    seconds: float
    quartile_low: float
    quartile_high: float
    rounds: int
    ratio: float
    ratio_low: float
    ratio_high: float
    error: float
    peak_byte: float
    others: float
    load: float
    contended: bool
    package: str
    package_version: str
    circulant: str
    torch: str
    processor: str
    date: str


Block = tuple[str, str, Malloc, int, str]
"""What is measured and written together."""


def block(row: Row) -> Block:
    return row.group, row.shape, row.malloc, row.threads, row.isa
