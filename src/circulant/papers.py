"""Which components there are of each paper of the plan, and which test proves them.

`papers.tsv` beside this file holds title, year of the first public version, and room of every paper
that the library sets out to realise, in the order of the plan. What realises a paper is never
written there: it comes from the cards of the catalogue and from the entries below.
"""

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from circulant.catalogue import CATALOGUE
from circulant.core.card import Card, Entry


@dataclass(frozen=True, slots=True)
class Title:
    """One line of papers.tsv."""

    title: str
    year: int
    room: str


@dataclass(frozen=True, slots=True)
class PaperRow:
    """One line of `circulant papers`. No components: not yet realised."""

    title: str
    year: int
    room: str
    components: tuple[str, ...]
    tests: tuple[str, ...]


COMPONENTS: tuple[Entry, ...] = (
    Entry(
        "Parallel Backpropagation for Inverse of a Convolution with Application to Normalizing Flows",
        "circulant.functional.inverse_conv2d",
        "tests/engine/test_inverse_conv.py",
    ),
    Entry(
        "Parallel Backpropagation for Inverse of a Convolution with Application to Normalizing Flows",
        "circulant.models.inverse_conv_flow.InverseConvFlow",
        "tests/models/test_inverse_flow.py",
    ),
    Entry(
        "Scaling Up Your Kernels: Large Kernel Design in ConvNets towards Universal Representations",
        "circulant.explain.receptive_field.effective_receptive_field",
        "tests/explain/test_receptive_field.py",
    ),
    Entry(
        "On the Efficiency of Convolutional Neural Networks",
        "circulant.explain.waterline.waterline",
        "tests/explain/test_waterline.py",
    ),
    Entry(
        "Im2win: An Efficient Convolution Paradigm on GPU",
        "circulant.windows.im2win_conv2d",
        "tests/backends/native/test_window_conv.py",
    ),
    Entry(
        "Im2win: An Efficient Convolution Paradigm on GPU",
        "circulant.windows.im2win_transform",
        "tests/functional/test_windows.py",
    ),
    Entry(
        "Accelerating Machine Learning Primitives on Commodity Hardware",
        "circulant.windows.sliding_window_conv1d",
        "tests/functional/test_windows.py",
    ),
    Entry(
        "Accelerating Machine Learning Primitives on Commodity Hardware",
        "circulant.windows.sliding_window_conv2d",
        "tests/backends/native/test_window_conv.py",
    ),
    Entry(
        "Accelerating Machine Learning Primitives on Commodity Hardware",
        "circulant.windows.sliding_window_pool",
        "tests/backends/native/test_sliding_pool.py",
    ),
    Entry(
        "Demystify Transformers & Convolutions in Modern Image Deep Networks",
        "circulant.explain.receptive_field.effective_receptive_field",
        "tests/explain/test_receptive_field.py",
    ),
    Entry(
        "FlashFFTConv: Efficient Convolutions for Long Sequences with Tensor Cores",
        "circulant.functional.long_conv",
        "tests/engine/test_monarch.py",
    ),
    Entry(
        "FlashFFTConv: Efficient Convolutions for Long Sequences with Tensor Cores",
        "circulant.algorithms.monarch.MonarchLongConv",
        "tests/engine/test_monarch.py",
    ),
    Entry(
        "FlashFFTConv: Efficient Convolutions for Long Sequences with Tensor Cores",
        "circulant.functional.frequency_sparse_conv",
        "tests/engine/test_frequency_sparse_conv.py",
    ),
    Entry(
        "Simple Hardware-Efficient Long Convolutions for Sequence Modeling",
        "circulant.engine.flash_butterfly.flash_butterfly",
        "tests/engine/test_flash_butterfly.py",
    ),
    Entry(
        "Scaling Up Computer Vision Neural Networks Using Fast Fourier Transform",
        "circulant.functional.fft_conv2d",
        "tests/functional/test_fft_conv2d.py",
    ),
    Entry(
        "Scaling Up Computer Vision Neural Networks Using Fast Fourier Transform",
        "circulant.optimise.replace_with_fft.replace_with_fft",
        "tests/optimise/test_replace_with_fft.py",
    ),
    Entry(
        "Hungry Hungry Hippos: Towards Language Modeling with State Space Models",
        "circulant.engine.state_passing.flash_conv_state_passing",
        "tests/engine/test_state_passing.py",
    ),
)
"""What realises a paper and is not an operator."""


@cache
def titles() -> tuple[Title, ...]:
    """Every paper of the plan."""
    text = files("circulant").joinpath("papers.tsv").read_text(encoding="utf-8")
    lines = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple(Title(line["title"], int(line["year"]), line["room"]) for line in lines)


def tests_of(card: Card) -> str:
    """Where the tests of an operator file lie, by convention."""
    _, _, room, name = card.module.split(".")
    return f"tests/operators/{room}/test_{name}.py"


def exports(card: Card) -> tuple[Any, ...]:
    """What `circulant.nn` shows of an operator file: its operators, then EXPORTS (classes, functions or
    their names)."""
    module = sys.modules[card.module]
    extras = (getattr(extra, "__name__", extra) for extra in getattr(module, "EXPORTS", ()))
    return (*card.operators, *(getattr(module, name) for name in extras))


def entries_of(card: Card, known: frozenset[str]) -> Iterator[Entry]:
    """One entry for each known paper and each name. Papers outside the plan are sources, no entries."""
    for paper in card.papers:
        if paper.title in known:
            for shown in exports(card):
                yield Entry(paper.title, f"circulant.nn.{shown.__name__}", tests_of(card))


@cache
def entries() -> tuple[Entry, ...]:
    """Everything that realises a paper of the plan."""
    known = frozenset(title.title for title in titles())
    return tuple(entry for card in CATALOGUE for entry in entries_of(card, known)) + COMPONENTS


def rows() -> tuple[PaperRow, ...]:
    """One row for each paper of the plan."""
    found: dict[str, list[Entry]] = {title.title: [] for title in titles()}
    for entry in entries():
        found[entry.title].append(entry)
    return tuple(
        PaperRow(
            title.title,
            title.year,
            title.room,
            tuple(dict.fromkeys(entry.component for entry in found[title.title])),
            tuple(dict.fromkeys(entry.test for entry in found[title.title])),
        )
        for title in titles()
    )
