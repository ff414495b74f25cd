"""Made-up standings and the sentences made from them."""

from dataclasses import replace

from tests.compare.synthetic import NOTHING, Spec, comparison_of, profile_of

from circulant.compare.choice import choose
from circulant.compare.findings import answer
from circulant.compare.records import CONTROL
from circulant.compare.statistics import Pair, Standing, Statistics
from circulant.report.numbers import THIN


def standing(name, accuracy, forward_ms=5.0, train_ms=30.0, **others):
    profile = profile_of(Spec(name, accuracy, forward_ms, train_ms, **others))
    return Standing(name, (accuracy, accuracy), accuracy, accuracy - 0.01, accuracy + 0.01, profile)


def unmeasured(one):
    return replace(one, profile=None)


def statistics(*standings, differing=()):
    """Standings as given, best first; the pairs named are more than chance."""
    accuracy = {one.operator: one.score for one in standings}
    names = list(accuracy)
    pairs = tuple(
        Pair(a, b, accuracy[a] - accuracy[b], 0.001 if {a, b} in [set(d) for d in differing] else 0.8)
        for index, a in enumerate(names)
        for b in names[index + 1 :]
    )
    return Statistics(standings, pairs, ())


A, B, C = standing("A", 0.9, 3.0), standing("B", 0.89, 5.0, 20.0), standing("C", 0.8, 9.0)
NONE = standing(CONTROL, 0.7, 2.0, 10.0)
AHEAD = (("A", CONTROL), ("B", CONTROL), ("C", CONTROL))


def plain(text):
    return text.replace(THIN, " ").replace("\u00a0", " ")


def comparison(seeds=3, operators=3, failures=(), **options):
    """Settings and data for the sentences; the statistics are given apart."""
    specs = tuple(Spec("ABCDEFGHIJ"[index], 0.9) for index in range(operators))
    return comparison_of(specs, NOTHING, seeds=seeds, examples=20, failures=failures, spread=0, **options)


def headline(found, of=None):
    return plain(str(answer.headline(of or comparison(), found, choose(found))))


def stand_first(found, of=None):
    return plain(answer.stand_first(of or comparison(), found, choose(found)))
