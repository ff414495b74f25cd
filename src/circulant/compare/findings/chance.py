"""Which differences are more than chance, and what the test covers."""

from circulant.compare.choice import Choice
from circulant.compare.findings.words import OPERATOR, PAIR, SEED, count_word, example_noun
from circulant.compare.records import CONTROL, Comparison
from circulant.compare.statistics import DRAWS, Pair, Standing, Statistics
from circulant.data.task import Task
from circulant.report.numbers import whole


def chance(statistics: Statistics, choice: Choice) -> str:
    """How many pairs can be told apart."""
    return " ".join(part for part in (_top(statistics, choice), _counts(statistics)) if part)


def _top(statistics: Statistics, choice: Choice) -> str:
    if len(statistics.operators) == 1:
        return ""
    if len(choice.tied) == 1:
        return f"{choice.pick.operator} is ahead of every other operator."
    if len(choice.tied) == len(statistics.operators):
        return f"None of the operators can be told from the {statistics.metric.best} with these data."
    return f"The top {count_word(len(choice.tied))} cannot be ordered with these data."


def _counts(statistics: Statistics) -> str:
    pairs = statistics.pairs
    if not pairs:
        return ""
    differing = sum(pair.differs for pair in pairs)
    if len(pairs) == 1:
        told = "The one pair differs" if differing else "The one pair does not differ"
    elif differing == 0:
        told = f"None of the {PAIR.counted(len(pairs))} differs"
    else:
        told = f"Of {PAIR.counted(len(pairs))}, {differing} {'differs' if differing == 1 else 'differ'}"
    return f"{told} by more than chance would give{_control(statistics)}."


def _control(statistics: Statistics) -> str:
    if statistics.control is None:
        return ""
    count = len(statistics.operators)
    pairs = [statistics.pair(one.operator, CONTROL) for one in statistics.operators]
    ahead = sum(map(statistics.ahead, pairs))
    if ahead == count:
        return "; the control is behind it" if count == 1 else "; the control is behind every operator"
    if ahead == 0:
        return "; no operator is clearly better than the control"
    verb = "is" if ahead == 1 else "are"
    return f"; {ahead} of {OPERATOR.counted(count)} {verb} clearly better than the control"


def verdict(statistics: Statistics, standing: Standing) -> str:
    """One cell of the summary: this operator against the best one."""
    pair = against_best(statistics, standing)
    if pair is None:
        return "best"
    if not pair.differs:
        return "no clear difference"
    return f"{statistics.metric.difference(pair.difference)} {statistics.metric.steps}"


def against_best(statistics: Statistics, standing: Standing) -> Pair | None:
    """The pair with the best operator; None for that operator itself, or where there is none."""
    best = statistics.operators[:1]
    if not best or standing.operator == best[0].operator:
        return None
    return statistics.pair(standing.operator, best[0].operator)


def interval_note(comparison: Comparison, statistics: Statistics) -> str:
    """What ± means, and what it does not."""
    noun = example_noun(comparison.data)
    several = _seeds(comparison) > 1
    drawn = f"both the test {noun.plural} and the seeds are" if several else f"the test {noun.plural} are"
    text = (
        f"± is half of the 95\u202f% interval when {drawn} drawn anew ({whole(DRAWS)} bootstrap draws). "
        f"All operators saw the same test {noun.plural}, so their intervals move together: overlapping "
        "bars do not mean “no difference”. The paired test does that job."
    )
    if any(one.low == one.high for one in statistics.standings):
        name = statistics.metric.name
        text += f" A width of zero says that every draw gave the same {name}, not that it is certain."
    return text


def _seeds(comparison: Comparison) -> int:
    return len(comparison.settings.seeds)


def significance_note(comparison: Comparison, statistics: Statistics) -> str:
    """What was tested, what the test covers, and what it does not."""
    noun = example_noun(comparison.data)
    size = comparison.data.test_size
    pairs, metric = PAIR.counted(len(statistics.pairs)), statistics.metric
    return (
        "Shaded and bold: more than chance (blue: row better, orange: row worse). Wilcoxon signed-rank "
        f"test over the {noun.counted(size)} of the test set, each scored by {metric.scored}; "
        f"Holm’s correction for {pairs} at 5\u202f%. The test speaks about other {noun.plural} like these, "
        f"{metric.verb} by these trained networks. {_alike(comparison)}{_over_seeds(_seeds(comparison))}"
    )


def _alike(comparison: Comparison) -> str:
    """Where test examples are no independent draws."""
    if comparison.data.task is not Task.NEXT_CHARACTER:
        return ""
    return "Windows of one text are alike, so that the test is somewhat too ready to see a difference. "


def _over_seeds(seeds: int) -> str:
    """Why there is no test over seeds."""
    if seeds == 1:
        return "It says nothing about other seeds: only one was run."
    least = 2.0 ** (1 - seeds)
    if least < 0.05:
        return f"It does not cover other seeds than the {count_word(seeds)} that were run."
    word = count_word(seeds)
    return (
        f"{SEED.worded(seeds).capitalize()} are too few to test over seeds: even {word} wins out of {word} "
        f"would give p\u00a0=\u00a0{least:.3g}."
    )
