"""How ours computes: what the planner chooses while a call runs."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from circulant.bench.contestant import Call
from circulant.engine.plan import Plan
from circulant.engine.planner import forget_plans, plan
from circulant.problems.trilinear import Slot, TrilinearProblem

NOTHING_PLANNED = "nothing planned"


def way_of(call: Call) -> str:
    """In one call, which is not timed: fft on native; where parts differ, each once."""
    forget_plans()  # a call that is known again would look nothing up
    with plans_seen() as plans:
        call()
    return told(plans)


def told(plans: Sequence[Plan]) -> str:
    if not plans:
        return NOTHING_PLANNED
    lead = plans[0].chosen
    others = [_named(one) for one in plans if one.chosen is not lead]
    return ", ".join(dict.fromkeys([str(lead), *others]))


@contextmanager
def plans_seen() -> Iterator[list[Plan]]:
    """The plans that the engine asks for inside the block, in order.

    They are watched rather than asked for again: so they are those of the very call, gradients included.
    """
    found: list[Plan] = []

    def watch(frame: FrameType, event: str, result: Any) -> None:
        if event == "return" and frame.f_code is plan.__code__ and isinstance(result, Plan):
            found.append(result)

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield found
    finally:
        sys.setprofile(before)


def _named(one: Plan) -> str:
    slot = one.problem.slot if isinstance(one.problem, TrilinearProblem) else Slot.OUTPUT
    return str(one.chosen) if slot is Slot.OUTPUT else f"{one.chosen} for the {slot.value}"
