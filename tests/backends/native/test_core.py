"""The compiled module: counting, choosing the instruction set, saying why it is missing."""

import pytest
import torch

from circulant.backends.native import core, long_conv
from circulant.core.errors import ArgumentError
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot

LEVELS = list(core.InstructionSet)


def test_each_kernel_call_is_counted():
    p = LongConvProblem(torch.float32, Slot.OUTPUT, 1, 1, 8, 3, 0, False)
    x, kernel = torch.randn(1, 1, 8), torch.randn(1, 3)
    before = core.load().call_count()
    long_conv.output(p, x, kernel)
    long_conv.input_gradient(p, x, kernel)
    long_conv.kernel_gradient(p, x, x)
    assert core.load().call_count() == before + 3


def test_the_highest_level_of_the_machine_is_taken(monkeypatch):
    monkeypatch.delenv(core.ISA_VARIABLE, raising=False)
    assert core.instruction_set().name == core.load().supported_isas()[-1].name


@pytest.mark.parametrize("cap", LEVELS)
def test_the_variable_caps_the_level_and_never_raises_it(monkeypatch, cap):
    monkeypatch.delenv(core.ISA_VARIABLE, raising=False)
    highest = core.instruction_set()
    monkeypatch.setenv(core.ISA_VARIABLE, cap.value)
    assert LEVELS.index(core.instruction_set()) == min(LEVELS.index(cap), LEVELS.index(highest))


def test_an_unknown_level_is_refused_with_the_known_ones(monkeypatch):
    monkeypatch.setenv(core.ISA_VARIABLE, "sse9")
    with pytest.raises(ArgumentError, match="one of baseline, avx2, avx512, got 'sse9'"):
        core.instruction_set()


def test_every_level_of_the_core_has_its_name_in_python():
    assert {isa.name for isa in core.load().Isa} == {level.name for level in LEVELS}


def test_a_core_that_is_there_has_no_reason_to_be_missing():
    assert core.is_available()
    assert core.why_missing() == ""


def test_a_missing_core_says_why_and_what_to_do(monkeypatch):
    monkeypatch.setattr(core, "MODULE", "circulant.backends.native._never_built")
    assert not core.is_available()
    assert "_never_built" in core.why_missing()
    assert "C++20 compiler" in core.why_missing()
    with pytest.raises(core.NativeCoreError, match="_never_built"):
        core.load()
