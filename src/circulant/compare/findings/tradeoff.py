"""What a better score costs in time: sentences from the two frontiers."""

from circulant.compare.choice import Timing, frontier
from circulant.compare.findings.words import listing
from circulant.compare.statistics import Statistics
from circulant.report.numbers import TIME, show


def tradeoff(statistics: Statistics) -> str:
    """One sentence for the forward pass, one for training; one for both where they say the same."""
    fronts = [[one.operator for one in frontier(statistics, timing)] for timing in Timing]
    if fronts[0] == fronts[1] and len(fronts[0]) == 1:
        best = statistics.metric.best
        return f"There is no trade-off: {fronts[0][0]} is the {best} and the fastest, in both times."
    return " ".join(_sentence(timing, statistics) for timing in Timing)


def _sentence(timing: Timing, statistics: Statistics) -> str:
    where = "In the forward pass" if timing is Timing.FORWARD else "In training"
    metric = statistics.metric
    best = [one.operator for one in frontier(statistics, timing)]
    if not best:
        return f"The {timing.value} was not measured."
    if len(best) == 1:
        return f"{where}, {best[0]} is both the fastest and the {metric.best}."
    measured = sum(one.profile is not None for one in statistics.operators)
    if len(best) == measured:
        return f"{where}, {metric.costs} more time throughout, from {best[0]} to {best[-1]}."
    rest = "the other operator is" if measured - len(best) == 1 else "every other operator is"
    return f"{where}, the choice is between {listing(best)}; {rest} beaten by one of these."


def frontier_description(statistics: Statistics, timing: Timing) -> str:
    """The picture in words, for those who do not see it."""
    best, metric = frontier(statistics, timing), statistics.metric
    spots = [f"{o.operator} {metric.show(o.score)} in {show(timing.seconds(o), TIME)}" for o in best]
    return (
        f"Scatter of {metric.name} against time of one {timing.value}. "
        f"Frontier from fast to {metric.good}: {', '.join(spots)}. The summary table holds the same figures."
    )


def tradeoff_note(statistics: Statistics, outside: bool, unnamed: bool) -> str:
    """How to read the points. outside: the control lies below the frame; unnamed: some point has no label."""
    text = (
        "Filled points lie on the frontier (the line); a hollow point is beaten by a filled one. "
        "Vertical lines are 95\u202f% intervals. Time is logarithmic."
    )
    if unnamed:
        text += " Where points are too dense for every name, those on the frontier are named."
    control = statistics.control
    if control is None or control.profile is None:
        return text
    if outside:
        return (
            f"{text} The control lies below the frame: {statistics.metric.show(control.score)}, "
            f"{show(control.forward_seconds, TIME)} forward, {show(control.train_seconds, TIME)} a "
            "training step."
        )
    return f"{text} The dashed point is the control, which does not compete."
