"""Every test here runs with each instruction set of this machine where it asks for `isa`."""

import pytest
import torch

from circulant.backends.native import core

LEVELS = [core.InstructionSet[isa.name] for isa in core.load().supported_isas()]


@pytest.fixture(params=LEVELS, ids=lambda level: level.value)
def isa(request, monkeypatch):
    monkeypatch.setenv(core.ISA_VARIABLE, request.param.value)
    return request.param


@pytest.fixture(params=[torch.float32, torch.float64], ids=str)
def dtype(request):
    return request.param


@pytest.fixture
def nan_in_new_memory():
    """torch.empty gives NaN, so that an element which is never written shows."""
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = True
    assert torch.empty(3).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(autouse=True)
def one_thread():
    """One thread, unless a test asks for more: torch's own pool is slow on operands this small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
