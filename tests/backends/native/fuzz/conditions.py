"""What a call of the core must not depend on: threads, instruction set, where its operands lie."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final
from unittest import mock

import numpy as np
import torch
from hypothesis import strategies as st
from tests.backends.native.fuzz.guarded_memory import GuardedOperand, guarded_results
from torch import Tensor

from circulant.backends.native import core

ONE = np.longdouble(1)
LEVELS = tuple(core.InstructionSet[isa.name] for isa in core.load().supported_isas())


@contextmanager
def threads_of(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@final
@dataclass(frozen=True, slots=True)
class Conditions:
    threads: int
    level: core.InstructionSet
    misalignment: int  # of the first operand, in numbers; each further one lies one number further

    @contextmanager
    def held(self) -> Iterator[None]:
        chosen = mock.patch.dict(os.environ, {core.ISA_VARIABLE: self.level.value})
        with chosen, threads_of(self.threads):
            yield


CONDITIONS = st.builds(Conditions, st.integers(1, 4), st.sampled_from(LEVELS), st.integers(0, 15))


def guarded(
    run: Callable[..., Sequence[Tensor]], operands: Sequence[Tensor | None], conditions: Conditions
) -> Sequence[Tensor]:
    """What run gives, all its memory watched."""
    guards = [
        None if operand is None else GuardedOperand.around(operand, conditions.misalignment + place)
        for place, operand in enumerate(operands)
    ]
    with conditions.held(), guarded_results() as results:
        got = run(*(None if guard is None else guard.tensor for guard in guards))
    # long doubles run on the x87 unit, which is unusable after an MMX instruction that nobody cleared up
    assert ONE + ONE == 2, "the next code that computes in long doubles gets NaN"
    results.require_margins()
    for guard in guards:
        if guard is not None:
            guard.require_untouched()
    assert results, "the results lie in memory that nobody watches"
    return got
