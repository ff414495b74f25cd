"""Streams of long convolutions against float64: drawn sizes and cuts, memory watched, threads that change."""

from dataclasses import dataclass
from itertools import accumulate
from typing import final

import pytest
import torch
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from tests.backends.native.fuzz.conditions import CONDITIONS, guarded, threads_of
from tests.backends.native.fuzz.oracle import expected, operands_of
from tests.engine.drawn_problems import LARGE, sizes

from circulant.backends.native.long_conv_stream import NativeLongConvStream
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.engine.choice import Backend, Choice
from circulant.engine.long_conv_stream import LongConvStream
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot

SUITES = pytest.mark.parametrize(
    "examples, number", [pytest.param(60, 1), pytest.param(600, 2, marks=pytest.mark.slow)], ids=str
)


@final
@dataclass(frozen=True, slots=True)
class Session:
    """A stream's rows and taps, the tokens of each call, and the threads that each call may take."""

    dtype: torch.dtype
    batch: int
    channels: int
    taps: int
    cuts: tuple[int, ...]
    threads: tuple[int, ...]
    has_gates: bool

    @property
    def problem(self) -> LongConvProblem:
        tokens = sum(self.cuts)
        sizes = (self.batch, self.channels, tokens, min(self.taps, tokens), 0, False)
        return LongConvProblem(self.dtype, Slot.OUTPUT, *sizes)

    @property
    def calls(self) -> list[tuple[slice, int]]:
        """Where each call's tokens lie, and its threads; the numbers of threads take turns."""
        return [
            (slice(stop - size, stop), self.threads[place % len(self.threads)])
            for place, (stop, size) in enumerate(zip(accumulate(self.cuts), self.cuts))
        ]


SESSIONS = st.builds(
    Session,
    dtype=LARGE.dtype,
    batch=sizes(3),
    channels=sizes(19),
    taps=sizes(700),
    cuts=st.lists(st.one_of(st.just(1), sizes(130)), min_size=1, max_size=12).map(tuple),
    threads=st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple),
    has_gates=st.booleans(),
)


def material(session):
    """x, kernel and gates, and what must come of them."""
    problem = session.problem
    x, known = operands_of(problem)
    kernel = torch.nn.functional.pad(known, (0, session.taps - known.shape[-1]), value=1.0)
    gates = (x.flip(-1), x.flip(0, 1, 2).cos()) if session.has_gates else (None, None)
    z, after = x.double(), 1.0
    if session.has_gates:
        z, after = x.double() * gates[0].double(), gates[1].double()
    return (x, kernel, *gates), expected(problem, (z, known.double())) * after


@SUITES
def test_a_native_stream_is_right_however_it_is_cut(examples, number):
    @seed(number)
    @settings(max_examples=examples, suppress_health_check=[HealthCheck.too_slow])
    @given(SESSIONS, CONDITIONS)
    def agrees(session, conditions):
        (x, kernel, *gates), exact = material(session)
        wide = kernel.double() if session.dtype == torch.float64 else kernel.float()
        with conditions.held():
            stream = NativeLongConvStream(wide, session.batch, session.dtype)
        tokens_first = [None if t is None else t.movedim(-1, 0).contiguous() for t in (x, *gates)]
        parts = []
        for place, threads in session.calls:
            chunk = [None if t is None else t[place] for t in tokens_first]

            def advance(x, *gates, threads=threads):
                with threads_of(threads):
                    return [stream.advance(x, *gates, len(x))]

            parts.extend(guarded(advance, chunk, conditions))
        got = torch.cat(parts).movedim(0, -1)
        assert_close(got, exact, RELATIVE[session.dtype], what=f"{session} under {conditions}")

    agrees()


@SUITES
def test_steps_and_prefills_are_right_in_any_order(examples, number):
    @seed(number)
    @settings(max_examples=examples, suppress_health_check=[HealthCheck.too_slow])
    @given(SESSIONS, CONDITIONS, st.booleans())
    def agree(session, conditions, has_skip):
        (x, kernel, *gates), exact = material(session)
        skip = kernel[:, 0].clone() if has_skip else None
        if has_skip:
            outer = [t.double() for t in gates] if session.has_gates else [1.0, 1.0]
            exact = exact + outer[1] * skip.double()[:, None] * outer[0] * x.double()
        with conditions.held():
            stream = LongConvStream(kernel, session.batch, skip=skip, choice=Choice(backend=Backend.NATIVE))
        parts = []
        for place, threads in session.calls:
            chunk = [None if t is None else t[..., place] for t in (x, *gates)]
            with conditions.held(), threads_of(threads):
                if place.stop - place.start == 1:
                    parts.append(stream.step(*(None if t is None else t[..., 0] for t in chunk))[..., None])
                else:
                    parts.append(stream.prefill(*chunk))
        got = torch.cat(parts, -1)
        assert_close(got, exact, RELATIVE[session.dtype], what=f"{session} under {conditions}")

    agree()
