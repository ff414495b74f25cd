"""What each operator costs: how to read the table, and where counting operations misleads."""

from collections.abc import Sequence
from itertools import permutations

from circulant.compare.findings.words import Noun
from circulant.compare.statistics import Standing
from circulant.report.numbers import percent

FEWER_MAC, LONGER = 0.9, 1.5  # a pair that has fewer multiply-adds and yet takes longer, by these factors


def cost_intro(noun: Noun) -> str:
    return (
        "Of the whole network, not of the operator alone. MACs are multiply-adds of one forward pass of one "
        f"{noun.singular}; the lines under the figures compare within a column."
    )


def cost_note(operators: Sequence[Standing]) -> str:
    text = (
        "Times are medians; the grey range holds the middle 80\u202f%. A training step is forward pass, "
        "backward pass and update. Memory is the peak of tensors alive in one such step or pass, weights "
        "not counted."
    )
    return f"{text} {surprise(operators)}".rstrip()


def surprise(operators: Sequence[Standing]) -> str:
    """The pair for which fewer operations go with the most extra time; empty where there is none."""
    worst, text = 0.0, ""
    for less, more in permutations([one for one in operators if one.profile], 2):
        assert less.profile and more.profile
        mac = less.profile.mac / more.profile.mac if more.profile.mac else 1.0
        time = less.forward_seconds / more.forward_seconds
        if mac < FEWER_MAC and time > LONGER and time / mac > worst:
            worst = time / mac
            text = (
                f"MACs do not predict time: {less.operator} needs {percent(mac, 0)} of the MACs of "
                f"{more.operator} and takes {time:.1f} times as long."
            )
    return text
