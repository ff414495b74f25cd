"""Interleaved rounds, under a clock that only the calls move."""

import pytest

from circulant.measuring import rounds
from circulant.measuring.rounds import FEWEST_ROUNDS, MOST_ROUNDS, SLOW_ROUNDS, interleaved


@pytest.fixture
def calls(monkeypatch):
    """Calls that take the seconds given and write down their order; pauses take none, and are dots."""
    now, order = [0.0], []
    monkeypatch.setattr(rounds, "perf_counter", lambda: now[0])
    monkeypatch.setattr(rounds, "sleep", lambda _: order.append("."))

    def make(**seconds):
        def call(name):
            def run():
                order.append(name)
                now[0] += seconds[name]
                return ()

            return run

        return {name: call(name) for name in seconds}, order

    return make


def test_everybody_runs_once_a_round_and_the_first_place_moves_on(calls):
    made, order = calls(a=1.0, b=1.0, c=1.0)
    times = interleaved(made, 12.0, 4)
    assert {name: len(values) for name, values in times.items()} == {"a": 5, "b": 5, "c": 5}
    assert "".join(order).replace(".", "") == "abcabc" + "bca" + "cab" + "abc" + "bca"  # the first warms up


def test_before_the_clock_runs_threads_of_others_fall_asleep(calls):
    made, order = calls(a=0.02, b=1.0)
    interleaved(made, 0.0, 2, drops_slow=False)
    assert "".join(order) == "ab" + "aaaa.b" + ".baaaa"  # three for 50 ms, and the one that is timed


def test_pairs_may_follow_each_other_at_once(calls):
    made, order = calls(a=0.01, b=0.01)
    interleaved(made, 0.0, 2, settles=False)
    assert "".join(order) == "ab" + "ab" + "ba"


def test_the_times_are_those_of_the_calls(calls):
    made, _ = calls(a=0.5, b=2.0)
    times = interleaved(made, 1.0, 3, drops_slow=False)
    assert times == {"a": [0.5] * 3, "b": [2.0] * 3}


def test_a_budget_buys_more_rounds_than_the_fewest_up_to_a_limit(calls):
    made, _ = calls(a=1.0)
    assert len(interleaved(made, 100.5)["a"]) == 101
    assert len(interleaved(made, 1e6)["a"]) == MOST_ROUNDS
    assert len(interleaved(made, 7.0)["a"]) == FEWEST_ROUNDS + 1  # the seventh ends just within it


def test_a_slow_call_joins_the_first_rounds_only(calls):
    made, _ = calls(a=0.1, b=10.0)
    times = interleaved(made, 35.0)
    assert len(times["b"]) == SLOW_ROUNDS and len(times["a"]) > 7


def test_a_slow_call_that_must_not_be_dropped_joins_all_rounds(calls):
    made, _ = calls(a=0.1, b=10.0)
    times = interleaved(made, 35.0, drops_slow=False)
    assert len(times["a"]) == len(times["b"]) == FEWEST_ROUNDS


def test_where_nobody_is_right_nobody_is_timed():
    assert interleaved({}, budget=10.0) == {}
