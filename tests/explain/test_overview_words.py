"""Each sentence of the summary, in each of its cases."""

from dataclasses import replace
from types import SimpleNamespace as Record

import numpy as np
import pytest
import torch
from tests.explain.explained import branching_explained, pictures_explained, series_explained

from circulant.explain import About
from circulant.explain.aliasing_score import LayerAliasing
from circulant.explain.filter_statistics import LayerFilters
from circulant.explain.overview import words
from circulant.explain.overview.filters import Filters, Shift, SizedFilters
from circulant.explain.overview.frequencies import Aliasing, LayerSpectrum, Spectra
from circulant.explain.overview.likeness import Likeness
from circulant.explain.overview.part import LeftOut
from circulant.explain.overview.sight import Fields, Interpreted, LayerField, Maps
from circulant.explain.receptive_field import ReceptiveField
from circulant.report.numbers import THIN

NOTHING = LeftOut("no reason")


def test_where_a_part_is_left_out_there_is_no_sentence():
    about = About()
    assert words.decision(NOTHING, about, "picture") == ""
    assert words.sight(NOTHING, "pixels") == ""
    sentences = (words.bias, words.quality, words.aliased, words.smoothing, words.speed, words.alike)
    assert [sentence(NOTHING) for sentence in sentences] == [""] * 6
    assert words.shifted(NOTHING, about) == words.corresponding(NOTHING, about) == ""


@pytest.mark.parametrize(
    ("targets", "labels", "said"),
    [
        ([3], (), ""),
        ([3], (3, 4), "The decision is right."),
        ([3], (4,), "The decision is wrong: it is cat."),
        ([3, 4], (3, 4), "All of the first 2 pictures are decided rightly."),
        ([3, 4], (3, 3), "Of the first 2 pictures 1 is decided rightly."),
        ([3, 4, 4], (3, 3, 4), "Of the first 3 pictures 2 are decided rightly."),
        ([3, 4], (0, 0), "Of the first 2 pictures none is decided rightly."),
    ],
)
def test_decisions_are_counted_against_the_truth(targets, labels, said):
    about = About(classes=("a", "b", "c", "dog", "cat"), labels=labels)
    maps = Maps("conv", (), torch.tensor(targets), torch.ones(len(targets)))
    assert words.decision(maps, about, "picture") == said


def test_series_have_no_plural_of_their_own():
    maps = Maps("conv", (), torch.tensor([1, 1]), torch.ones(2))
    assert (
        words.decision(maps, About(labels=(1, 1)), "series")
        == "All of the first 2 series are decided rightly."
    )


def fields(shape, side, even):
    return Fields((LayerField("c", ReceptiveField(np.zeros(shape), side, even)),), 1)


def test_the_receptive_field_is_said_in_samples_of_the_input():
    said = words.sight(fields((20, 30), 5, 15), "pixels")
    assert said.endswith("of layer c, the last convolution, lies within 5 × 5 of 20 × 30 pixels; "
                         "an even spread would need 15.")  # fmt: skip
    assert "lies within 5 of 30 samples;" in words.sight(fields((1, 30), 5, 15), "samples")
    wide = words.sight(fields((1, 30), 15, 15), "samples")
    assert wide.endswith("15 of 30 samples: as wide as an even spread over all of the input.")
    blind = words.sight(fields((1, 30), 0, 15), "samples")
    assert blind == "The middle of what layer c gives does not depend on the input."


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "For the first example the output is linear in the input: no part of it is bias."),
        (0.2, f"With the activations of the first example held, 20.0{THIN}% of the output is bias: part of "
              "the answer comes from no value of the input."),
        (0.8, f"With the activations of the first example held, 80.0{THIN}% of the output is bias: most of "
              "the answer comes from no value of the input."),
    ],
)  # fmt: skip
def test_the_share_of_the_bias(share, said):
    assert words.bias(Interpreted(share, 0, torch.zeros(1))) == said


def sized(name, sparsity):
    return SizedFilters((3, 3), LayerFilters(name, 9, sparsity, 0.5, 0.5, 0.5))


def test_kernels_near_zero_are_named_where_there_are_any():
    assert words.quality(Filters((sized("a", 0.0),))) == (
        "Hardly any kernel is near zero: there is little to prune."
    )
    assert words.quality(Filters((sized("a", 0.3),))) == (
        f"In layer a 30.0{THIN}% of the kernels are near zero, and could be pruned."
    )
    both = words.quality(Filters((sized("a", 0.3), sized("b", 0.4))))
    assert both == f"In layer b 40.0{THIN}% of the kernels are near zero, more than in any other layer."


def test_aliasing_names_the_worst_layer_unless_nothing_is_lost():
    a, b = LayerAliasing("a", 0.25, 0.1), LayerAliasing("b", 0.25, 0.2)
    one = f"10.0{THIN}% of the energy that layer a reads lies above what its stride can keep"
    assert words.aliased(Aliasing((a,))) == f"{one}."
    worst = words.aliased(Aliasing((a, b)))
    assert worst.startswith(f"20.0{THIN}% of the energy that layer b reads")
    assert worst.endswith("can keep, the most of its 2 strided convolutions.")
    smooth = words.aliased(Aliasing((LayerAliasing("a", 0.25, 0.0001),)))
    assert smooth == "What its strided convolutions read is smooth: next to nothing is lost to aliasing."


def spectrum(name, share):
    return LayerSpectrum(name, Record(share_above=lambda: np.array([share])))


def test_detail_is_compared_between_the_input_and_the_last_features():
    assert words.smoothing(Spectra((spectrum("input", 0.1),))) == ""
    less = words.smoothing(Spectra((spectrum("input", 0.1), spectrum("c", 0.02))))
    assert less == (
        f"Fine detail, above three quarters of the highest frequency, holds 10.0{THIN}% of the input's power "
        f"and 2.0{THIN}% of that of layer c: less than at the start."
    )
    more = words.smoothing(Spectra((spectrum("input", 0.1), spectrum("c", 0.2))))
    assert more.endswith("more than at the start.")


def efficiency(seconds, bound, batch=2, layer="c"):
    gap = Record(seconds=seconds)
    whole = Record(gap=gap, bound_seconds=bound)
    slowest = Record(name=layer, gap=Record(seconds=seconds / 2))
    return Record(batch=batch, found=Record(whole=whole, layers=(slowest,)))


def test_time_is_said_against_the_waterline():
    took = f"One pass over 2 examples takes 10.0{THIN}ms"
    assert words.speed(efficiency(0.01, 0.0)) == f"{took}."
    assert words.speed(efficiency(0.01, 0.009)) == f"{took}, close to its waterline of 9.00{THIN}ms."
    far = words.speed(efficiency(0.01, 0.002))
    assert far == f"{took}, 5.0 times its waterline of 2.00{THIN}ms; layer c takes 50{THIN}% of it."
    assert words.speed(efficiency(0.01, 0.02)).endswith("the machine is faster than it was calibrated.")
    alone = words.speed(efficiency(0.01, 0.002, batch=1, layer=""))
    assert alone == f"One pass over 1 example takes 10.0{THIN}ms, 5.0 times its waterline of 2.00{THIN}ms."


def likeness(*values, columns=None):
    names = tuple(f"l{place}" for place in range(len(values) + 1))
    cka = np.eye(len(names))
    for place, value in enumerate(values):
        cka[place, place + 1] = value
    return Likeness(names, names if columns is None else columns, cka)


def test_neighbours_that_are_alike_are_named():
    assert words.alike(likeness()) == ""
    assert words.alike(likeness(np.nan)) == ""
    assert words.alike(likeness(0.3, 0.97)) == (
        "The neighbours most alike are layer l1 and layer l2, with a CKA of 0.97: layer l2 changes little."
    )
    assert words.alike(likeness(0.4, np.nan, 0.3)) == (
        "The neighbours most alike are layer l0 and layer l1, with a CKA of 0.40: every layer adds something."
    )


def test_the_other_network_is_compared_in_kernels_and_in_what_it_gives():
    about = About(against="b.py:net")
    same, apart = (Shift((3, 3), Record(total=total)) for total in (0.0, 0.5))
    assert words.shifted(same, about) == "Its 3 × 3 kernels are those of b.py:net."
    assert words.shifted(apart, about) == "Its 3 × 3 kernels and those of b.py:net differ by 0.500 nats."
    assert words.sizes((5,)) == "5-tap"

    def last(value):
        return words.corresponding(Likeness(("a",), ("b",), np.array([[value]])), about)

    assert last(np.nan) == ""
    assert last(0.5) == "What it gives and what b.py:net gives have a CKA of 0.50."
    assert last(0.96) == "What it gives and what b.py:net gives have a CKA of 0.96: they say nearly the same."


def test_the_headline_is_the_decision_or_else_the_size():
    one = pictures_explained()
    maps = replace(one.parts.maps, targets=torch.tensor([7]), shares=torch.tensor([0.5]))
    shown = replace(one, parts=replace(one.parts, maps=maps))
    assert (
        words.headline(shown).short == f"net.py:digits decides for 7 in the first picture, 50.0{THIN}% sure"
    )
    certain = replace(shown, parts=replace(one.parts, maps=replace(maps, shares=torch.tensor([0.99999]))))
    assert words.headline(certain).short.endswith(f"more than 99.9{THIN}% sure")
    plain = replace(one, parts=replace(one.parts, maps=NOTHING))
    assert words.headline(plain).short == f"net.py:digits: 3 convolutions, 1.53{THIN}k parameters"
    assert "first series" in words.headline(series_explained()).short
    unnamed = words.headline(branching_explained()).short
    assert unnamed.startswith("the model decides for output ")


@pytest.mark.parametrize(("count", "said"), [(0, "no layer"), (1, "1 layer"), (2, "2 layers")])
def test_nouns_are_counted(count, said):
    assert words.counted(count, "layer") == said


def test_the_summary_of_a_whole_network_leaves_out_nothing_that_is_known():
    assert len(pictures_explained().summary()) == 9  # all but the truth, which was not given
    assert all(sentence.endswith(".") for sentence in pictures_explained().summary())
