"""One thread, the same random numbers in every run, no deadlines, no times measured before."""

import os
import tempfile

import hypothesis
import pytest
import torch

SEED = 20240229

hypothesis.settings.register_profile("circulant", deadline=None, derandomize=True)
hypothesis.settings.load_profile("circulant")

# The tests run on several workers already; processes that they start take the same one thread.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"

# Triton's kernels run in its interpreter. It has to be asked for before triton is imported, which torch
# does with its FLOP counter, wherever that is imported first.
os.environ["TRITON_INTERPRET"] = "1"

CACHE = tempfile.TemporaryDirectory()
os.environ["CIRCULANT_CACHE"] = CACHE.name


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(SEED)
