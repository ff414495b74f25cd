"""Every kernel compiles for GPUs, without one, and stays within the on-chip memory of the smallest."""

import json
import os
import subprocess
import sys

import pytest
from tests.backends.triton.compiled import FAMILIES

from circulant.backends.triton.runtime import INTERPRET_VARIABLE

DTYPES = ("float64", "float32", "float16", "bfloat16")
CAPABILITIES = ("80", "90")
ON_CHIP = 99 << 10  # bytes that a program may have where there are fewest: compute capability 8.6
QUICK = {("short", "bfloat16", "80"), ("local", "float32", "90")}
CASES = [
    pytest.param(*case, marks=() if case in QUICK else pytest.mark.slow)
    for case in ((f, dtype, c) for f in FAMILIES for dtype in DTYPES for c in CAPABILITIES)
]


@pytest.mark.parametrize(("family", "dtype", "capability"), CASES)
def test_the_kernels_of_a_family_compile_and_fit(family, dtype, capability, tmp_path):
    clean = {name: value for name, value in os.environ.items() if name != INTERPRET_VARIABLE}
    path = os.pathsep.join(filter(None, [os.getcwd(), *sys.path]))
    ended = subprocess.run(
        [sys.executable, "-m", "tests.backends.triton.compiled", family, dtype, capability],
        env={**clean, "PYTHONPATH": path, "TRITON_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    kernels = [json.loads(line) for line in ended.stdout.splitlines()]
    assert kernels
    assert max(kernel["shared"] for kernel in kernels) <= ON_CHIP
