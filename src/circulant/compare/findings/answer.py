"""The headline, what stands below it, and the four facts: which operator to take, and how sure that is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from circulant.compare.choice import Choice, Timing
from circulant.compare.findings.words import (
    OPERATOR,
    RUN,
    batch_time,
    count_word,
    listing,
    names_of,
)
from circulant.compare.metric import Metric
from circulant.compare.records import CONTROL, Comparison, DataSummary
from circulant.compare.statistics import Standing, Statistics
from circulant.report.numbers import COUNT, TIME, percent, show


@final
@dataclass(frozen=True, slots=True)
class Headline:
    """One or two sentences; the name in the middle is the recommended operator's."""

    before: str
    name: str
    after: str
    short: str  # for the title bar

    def __str__(self) -> str:
        return self.before + self.name + self.after


@final
@dataclass(frozen=True, slots=True)
class Fact:
    """What one would take who cares for one thing only."""

    question: str
    names: str
    value: str


def headline(comparison: Comparison, statistics: Statistics, choice: Choice | None) -> Headline:
    """The answer, in every case."""
    if choice is None:
        sentence = "No operator finished training, so there is nothing to recommend."
        return Headline(sentence, "", "", "No result")
    data, metric = comparison.data, statistics.metric
    if statistics.control is not None and not choice.any_beats_control:
        return _no_gain(choice.pick, statistics.control, data, metric)
    pick = choice.pick
    short = f"{pick.operator}, {metric.show(pick.score)}"
    figures = f"{metric.reading(pick.score)} ({metric.half_width(pick.low, pick.high)})"
    time = batch_time(pick, data)
    figures += f", {time}" if time else ""
    if len(statistics.operators) == 1:
        alone = f" reaches {figures}. It is the only operator in this comparison."
        return Headline("On your data and this machine, ", pick.operator, alone, short)
    return Headline(
        "On your data and this machine, take ",
        pick.operator,
        f": {figures}.{_instead(choice, metric)}",
        short,
    )


def _no_gain(pick: Standing, control: Standing, data: DataSummary, metric: Metric) -> Headline:
    def in_time(standing: Standing) -> str:
        time = batch_time(standing, data)
        return f" in {time}" if time else ""

    return Headline(
        "On your data, no operator is clearly better than none. The same network without any reaches "
        f"{metric.show(control.score)}{in_time(control)}; ",
        pick.operator,
        f" reaches {metric.show(pick.score)} ({metric.half_width(pick.low, pick.high)}){in_time(pick)}.",
        f"No operator beats none, {metric.show(control.score)}",
    )


def _instead(choice: Choice, metric: Metric) -> str:
    """The second sentence, where another operator is nearly as good in clearly less time."""
    other = choice.alternative
    if other is None:
        return ""
    reaches = f" {other.standing.operator} reaches {metric.show(other.standing.score)}"
    share = percent(other.time_share, 0)
    if other.timing is Timing.FORWARD:
        return f"{reaches} in {share} of that time."
    return f"{reaches} and trains in {share} of the time."


def stand_first(comparison: Comparison, statistics: Statistics, choice: Choice | None) -> str:
    """How sure the answer is."""
    sentences: list[str] = []
    if choice is not None:
        sentences += [_ties(statistics, choice), _control(statistics, choice)]
        sentences.append(_seeds(statistics, choice))
    return " ".join(sentence for sentence in [*sentences, *_missing(comparison)] if sentence)


def _ties(statistics: Statistics, choice: Choice) -> str:
    count, tied, metric = len(statistics.operators), len(choice.tied), statistics.metric
    if count == 1:
        return ""
    if tied == 1:
        ahead = f"is {metric.better} than every other operator by more than chance would give."
        return f"{choice.pick.operator} {ahead}"
    why = "the fastest" if choice.pick.profile else f"the {metric.best}"
    if tied == count:
        who = "Both operators" if count == 2 else f"All {OPERATOR.worded(count)}"
        return (
            f"{who} are too close in {metric.name} to tell apart. Of these {choice.pick.operator} is {why}."
        )
    return (
        f"{count_word(tied).capitalize()} of {OPERATOR.worded(count)} are too close to the {metric.top} "
        f"to tell apart ({names_of(choice.tied)}). Of these {choice.pick.operator} is {why}."
    )


def _control(statistics: Statistics, choice: Choice) -> str:
    control, pick = statistics.control, choice.pick.operator
    if control is None:
        return (
            "The control, the same network without any operator, did not finish: whether the operator "
            "matters at all is not known."
        )
    score = statistics.metric.show(control.score)
    if choice.beats_control:
        return f"The operator matters here: the same network without any reaches {score}."
    pair = statistics.pair(pick, CONTROL)
    if pair.differs:
        return f"The same network without any operator is even clearly better than {pick}."
    if choice.any_beats_control:
        better = [o for o in statistics.operators if _ahead(statistics, o)]
        verb = "is" if len(better) == 1 else "are"
        return (
            f"{pick} is not clearly better than the same network without any operator ({score}); "
            f"{names_of(better)} {verb}."
        )
    return f"Between {pick} and the network without any operator the difference is within chance."


def _seeds(statistics: Statistics, choice: Choice) -> str:
    """The test knows nothing of other seeds: say so where they could turn its result around."""
    pick, metric = choice.pick, statistics.metric
    if len(pick.by_seed) == 1:
        return "With one seed, how much the start of training matters is not measured."
    low, high = min(pick.by_seed), max(pick.by_seed)
    worst = high if metric.lower_is_better else low
    rest = [one for one in statistics.operators if one not in choice.tied]
    behind = [one for one in rest if metric.gain(one.score, worst) > 0]
    if not behind:
        return ""
    return (
        f"Seeds matter here: those of {pick.operator} range from {metric.show(low)} to {metric.show(high)}, "
        "so that other seeds may change the order."
    )


def _ahead(statistics: Statistics, standing: Standing) -> bool:
    return statistics.ahead(statistics.pair(standing.operator, CONTROL))


def _missing(comparison: Comparison) -> Iterator[str]:
    """What failed, and what an interrupted run has not come to."""
    settings = comparison.settings
    asked = (len(settings.operators) + 1) * len(settings.seeds)
    failed, done = len(comparison.failures), len(comparison.trials)
    if failed:
        listed = "it is" if failed == 1 else "they are"
        yield f"{failed} of {RUN.counted(asked)} failed; {listed} listed under “What was run”."
        finished = {trial.operator for trial in comparison.trials}
        broken = {failure.operator for failure in comparison.failures} - finished - {CONTROL}
        lost = [name for name in settings.operators if name in broken]
        if lost:
            verb = "is" if len(lost) == 1 else "are"
            yield f"{listing(lost)} {verb} missing, because every run failed."
    open_ = asked - failed - done
    if open_ > 0:
        have = "has" if open_ == 1 else "have"
        yield (
            f"{open_} of {RUN.counted(asked)} {have} not been made yet; "
            "start the same command again to go on."
        )


def facts(statistics: Statistics) -> tuple[Fact, ...]:
    """Best score, fastest forward pass, fastest training step, fewest parameters."""
    operators, metric = statistics.operators, statistics.metric
    if not operators:
        return ()
    first = operators[0]
    time = f", {show(first.forward_seconds, TIME)}" if first.profile else ""
    best = [one for one in operators if metric.show(one.score) == metric.show(first.score)]
    value = metric.show(first.score) + (time if len(best) == 1 else "")
    highest = Fact(metric.highest.capitalize(), _few(best), value)
    measured = [one for one in operators if one.profile]
    if not measured:
        return (highest,)
    timed = [_least(f"Fastest {timing.value}", measured, timing, metric) for timing in Timing]
    return (highest, *timed, _fewest_parameters(measured, metric))


def _least(question: str, measured: Sequence[Standing], timing: Timing, metric: Metric) -> Fact:
    least = min(timing.seconds(one) for one in measured)
    text = show(least, TIME)
    holders = [one for one in measured if show(timing.seconds(one), TIME) == text]
    return _fact(question, text, holders, metric)


def _fewest_parameters(measured: Sequence[Standing], metric: Metric) -> Fact:
    counts = {one.operator: one.profile.parameters for one in measured if one.profile}
    least = min(counts.values())
    holders = [one for one in measured if counts[one.operator] == least]
    return _fact("Fewest parameters", show(least, COUNT), holders, metric)


def _fact(question: str, value: str, holders: Sequence[Standing], metric: Metric) -> Fact:
    score = f", {metric.show(holders[0].score)}" if len(holders) == 1 else ""
    return Fact(question, _few(holders), value + score)


def _few(standings: Sequence[Standing]) -> str:
    """At most two names; a tie of more is counted."""
    names = [standing.operator for standing in standings]
    return listing(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} more"
