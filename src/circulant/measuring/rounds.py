"""Timing in interleaved rounds: whoever is timed takes turns, so that disturbances hit all alike."""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter, sleep

Call = Callable[[], object]

FEWEST_ROUNDS = 7
MOST_ROUNDS = 400
SLOW_ROUNDS = 3  # of a call that alone would use up the budget
SPINNING = 0.05  # seconds for which threads may wait in a loop for more work: ONNX Runtime's do for 0.04


def interleaved(
    calls: Mapping[str, Call],
    budget: float,
    fewest: int = FEWEST_ROUNDS,
    *,
    drops_slow: bool = True,
    settles: bool = True,
) -> Mapping[str, Sequence[float]]:
    """Seconds of each call by rounds. budget in seconds, for all of them together.

    Unless told otherwise a call too slow for it joins the first three rounds only, and the threads of the one
    before have fallen asleep before each. The order moves on by one each round.
    """
    warm = {name: seconds_of(call) for name, call in calls.items()}
    slow = {name for name, seconds in warm.items() if drops_slow and seconds * fewest > budget}
    times: dict[str, list[float]] = {name: [] for name in calls}
    names, start = list(calls), perf_counter()
    with _no_collection():
        for turn in range(MOST_ROUNDS):
            if not names or (turn >= fewest and perf_counter() - start > budget):
                break
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                if turn < SLOW_ROUNDS or name not in slow:
                    if settles:
                        _settle(calls[name], warm[name])
                    times[name].append(seconds_of(calls[name]))
    return times


def _settle(call: Call, seconds: float) -> None:
    """A short call is repeated meanwhile: its own threads have to be awake, each on a core of its own."""
    if seconds >= SPINNING:
        sleep(SPINNING)
        return
    spent = 0.0
    while spent < SPINNING:
        spent += seconds_of(call)


def seconds_of(call: Call) -> float:
    """One call; what it returns is released after the clock has stopped."""
    start = perf_counter()
    result = call()
    seconds = perf_counter() - start
    del result
    return seconds


@contextmanager
def _no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
