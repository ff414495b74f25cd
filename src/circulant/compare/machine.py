"""The machine that a comparison ran on."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

import circulant
from circulant.compare.records import Machine


def this_machine(threads: int) -> Machine:
    """As it is now; threads is the number that profiling uses."""
    return Machine(
        _processor(),
        os.cpu_count() or 1,
        threads,
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        os.getloadavg()[0],
        (
            ("circulant", circulant.__version__),
            ("Python", platform.python_version()),
            ("torch", str(torch.__version__)),
            ("numpy", np.__version__),
        ),
        datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
