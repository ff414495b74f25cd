"""The page of an explanation: what the template needs for each part."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, final

from circulant.core.sizes import product
from circulant.explain.filter_basis import FilterBasis
from circulant.explain.overview import pictures
from circulant.explain.overview.explanation import Explanation
from circulant.explain.overview.filters import Filters, Shift
from circulant.explain.overview.frequencies import Aliasing
from circulant.explain.overview.likeness import Likeness
from circulant.explain.overview.machine import Efficiency
from circulant.explain.overview.part import LeftOut
from circulant.explain.overview.pictures import Figure
from circulant.explain.overview.sight import Interpreted, Maps
from circulant.explain.overview.words import counted, headline, layer_word, noun_of, sizes, unit_of
from circulant.report.document import render
from circulant.report.fragment import Fragment
from circulant.report.numbers import BYTES, COUNT, TIME, percent, show, significant, unit_for, whole

TEMPLATES = Path(__file__).parent / "templates"
MOST_ROWS = 40  # of a table of layers

Part = TypeVar("Part")


@final
@dataclass(frozen=True, slots=True)
class Cell:
    """text as shown; value as sorted."""

    text: str
    value: float


@final
@dataclass(frozen=True, slots=True)
class Row:
    name: str
    cells: tuple[Cell, ...]


@final
@dataclass(frozen=True, slots=True)
class Table:
    """headers: words and their unit."""

    headers: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]


@final
@dataclass(frozen=True, slots=True)
class Block:
    """One part of the page: what it says, its pictures and its table; or why it is left out."""

    key: str
    title: str
    intro: str = ""
    figures: tuple[Figure, ...] = ()
    wide: bool = False  # figures need the width of a series
    scrolled: Fragment | None = None  # one picture as large as it is
    table: Table | None = None
    note: str = ""
    left_out: str = ""


def render_page(one: Explanation) -> str:
    head = headline(one)
    content = {
        "title": f"{head.short} – circulant explain",
        "headline": head,
        "name": one.about.name,
        "source": one.about.source,
        "sentences": one.summary(),
        "facts": _facts(one),
        "sections": (
            ("filters", "What the filters are", _filter_blocks(one)),
            ("sight", "What the network sees", _sight_blocks(one)),
            ("frequencies", "What it does to frequencies", _frequency_blocks(one)),
            ("machine", "How well it uses the machine", _machine_blocks(one)),
            ("likeness", "How alike the layers are", _likeness_blocks(one)),
        ),
    }
    style = (TEMPLATES / "explain.css").read_text("utf-8")
    return render(TEMPLATES, "explain.html", content, style=style)


def _facts(one: Explanation) -> tuple[tuple[str, str], ...]:
    facts = one.facts
    output = "several tensors" if facts.output_shape is None else _shape(facts.output_shape)
    return (
        ("Model", facts.kind),
        ("Parameters", whole(facts.parameters)),
        ("Layers", f"{counted(facts.convolutions, 'convolution')}, {facts.linear or 'no'} linear"),
        ("Input", f"{_shape(tuple(one.x.shape))}: {one.about.source}"),
        ("Output", output),
    )


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def _block(key: str, title: str, part: Part | LeftOut, make: Callable[[Part], dict[str, Any]]) -> Block:
    if isinstance(part, LeftOut):
        return Block(key, title, left_out=part.reason)
    return Block(key, title, **make(part))


def _filter_blocks(one: Explanation) -> tuple[Block, ...]:
    return (
        _block("statistics", "Statistics of the kernels", one.parts.filters, _statistics),
        _block("basis", "What the kernels are made of", one.parts.basis, _basis),
        _block("shift", "Shift against the other model", one.parts.shift, _shift),
    )


def _statistics(filters: Filters) -> dict[str, Any]:
    headers = (("Kernels", ""), ("Taps", ""), ("Near zero", "share"), ("Entropy", "log10"),
               ("Entropy", "of random"), ("Orthogonality", "0 to 1"))  # fmt: skip
    rows = []
    for layer in filters.layers[:MOST_ROWS]:
        found = layer.layer
        fitted = found.relative_entropy if layer.size == (3, 3) else float("nan")
        rows.append(
            Row(
                found.name,
                (
                    Cell(whole(found.kernels), found.kernels),
                    Cell(_shape(layer.size), product(layer.size)),
                    Cell(percent(found.sparsity), found.sparsity),
                    Cell(significant(found.entropy), found.entropy),
                    _maybe(fitted),
                    _maybe(found.orthogonality),
                ),
            )
        )
    return {
        "intro": "Kernels near zero have no tap above a hundredth of the layer's largest. Entropy says in "
        "how many directions kernels differ: beside random ones (known for 3 × 3 alone), less than 1 is "
        "less than chance. Orthogonality is 1 where no two output channels are alike.",
        "table": Table(headers, tuple(rows)),
        "note": _cut(len(filters.layers)),
    }


def _maybe(value: float) -> Cell:
    return Cell(significant(value), value if value == value else float("inf"))


def _cut(count: int) -> str:
    return f"The first {MOST_ROWS} of {whole(count)} layers." if count > MOST_ROWS else ""


def _basis(found: FilterBasis) -> dict[str, Any]:
    first = percent(float(found.explained[:3].sum()), 0)
    return {
        "intro": f"Principal components of all {sizes(found.size)} kernels, each scaled to a largest tap "
        f"of 1. The first three hold {first} of how kernels differ. Like shares mean that no direction is "
        "preferred, as in a network that is not trained.",
        "scrolled": pictures.basis(found),
        "note": "Taps: red above zero, blue below. Below each: its share of the variance.",
    }


def _shift(found: Shift) -> dict[str, Any]:
    return {
        "intro": f"All {sizes(found.size)} kernels of both models, in the basis of both together: their "
        f"coefficients differ by {significant(found.found.total)} nats, the sum below weighted by "
        "share of variance. 0 is no difference.",
        "figures": (pictures.shift(found),),
        "wide": True,
    }


def _sight_blocks(one: Explanation) -> tuple[Block, ...]:
    parts = one.parts
    unit = unit_of(one)
    series = one.x.ndim == 3
    return (
        _block("fields", "Effective receptive field, layer by layer", parts.receptive_fields, lambda found: {
            "intro": _fields_intro(series),
            "figures": tuple(pictures.field(layer, unit) for layer in found.layers),
            "wide": series,
            "note": _selection(len(found.layers), found.layer_count),
        }),
        _block("maps", "Where it looks", parts.maps, lambda found: {
            "intro": _maps_intro(found, series),
            "figures": pictures.maps(one, found),
            "wide": series,
        }),
        _block("interpreter", "The linear system at the first example", parts.interpreter,
               lambda found: _interpreted(one, found)),
    )  # fmt: skip


def _fields_intro(series: bool) -> str:
    inputs = "Which inputs move the middle of a layer's output, averaged over examples"
    if series:
        return f"{inputs}, relative to the one that moves it most. The frame holds half of the area."
    return (
        f"{inputs}: the stronger the colour, the more, on a logarithmic scale from 1\u202f% of the largest. "
        "The frame holds half of it."
    )


def _maps_intro(found: Maps, series: bool) -> str:
    methods = "Eigen-CAM shows" if series else "Eigen-CAM and Grad-CAM show"
    features = (
        f"{methods} where the features of {layer_word(found.layer)} are strong. " if found.layer else ""
    )
    return (
        f"For the class that it decides for. {features}Gradient × input and integrated gradients show what "
        f"each {'sample' if series else 'pixel'} adds to the decision's logit: red for it, blue against it."
    )


def _interpreted(one: Explanation, found: Interpreted) -> dict[str, Any]:
    figures = pictures.row(one, found)
    target = one.about.class_name(found.target)
    row = f" The row of W below is what {target} reads: red counts for it, blue against it."
    return {
        "intro": f"With every activation and pooling held as the first {noun_of(one)} left it, the network "
        f"is y = W x + b. {percent(found.bias_share)} of the output is b.{row if figures else ''}",
        "figures": figures,
        "wide": one.x.ndim == 3,
    }


def _selection(shown: int, count: int) -> str:
    return f"{shown} of {whole(count)} convolutions, evenly over the depth." if shown < count else ""


def _frequency_blocks(one: Explanation) -> tuple[Block, ...]:
    parts = one.parts
    return (
        _block("responses", "Frequency response of each convolution", parts.responses, lambda found: {
            "intro": "Gain of the layer alone for small waves over what it reads, by frequency, relative to "
            "its largest: high at the left passes what is smooth, high at the right edges and grain.",
            "figures": tuple(pictures.response(layer, found) for layer in found.layers),
            "note": "In grey: the other layers. " + _selection(len(found.layers), found.layer_count),
        }),
        _block("aliasing", "Aliasing where it strides", parts.aliasing, _aliasing),
        _block("spectra", "Power on the way through", parts.spectra, lambda found: {
            "intro": "Power by frequency of the input and of what layers give, both axes logarithmic: a "
            "steep fall is smooth, a flat line is grain.",
            "figures": tuple(pictures.spectrum(layer) for layer in found.layers),
            "wide": True,
        }),
    )  # fmt: skip


def _aliasing(found: Aliasing) -> dict[str, Any]:
    rows = tuple(
        Row(
            layer.name,
            (Cell(significant(layer.nyquist), layer.nyquist), Cell(percent(layer.score), layer.score)),
        )
        for layer in found.layers
    )
    return {
        "intro": "The share of the energy that a strided layer reads at frequencies that its coarser output "
        "cannot hold. What its kernel does not take away comes back as false low frequencies.",
        "table": Table((("Keeps up to", "cycles per sample"), ("Above it", "share of energy")), rows),
    }


def _machine_blocks(one: Explanation) -> tuple[Block, ...]:
    return (_block("efficiency", "Time of each layer", one.parts.efficiency, _efficiency),)


def _efficiency(found: Efficiency) -> dict[str, Any]:
    layers = sorted(found.found.layers, key=lambda layer: -layer.gap.seconds)[:MOST_ROWS]
    ran = [layer for layer in found.found.layers if layer in layers]
    time = unit_for([layer.gap.seconds for layer in ran], TIME)
    rows = []
    for layer in ran:
        seconds = layer.gap.seconds
        waits = "memory" if layer.waiting_seconds > 0 else "arithmetic"
        cells = (
            Cell(show(layer.cost.flop, COUNT), layer.cost.flop),
            Cell(show(layer.cost.byte, BYTES), layer.cost.byte),
            Cell(time.number(seconds), seconds),
            Cell(time.number(layer.bound_seconds), layer.bound_seconds),
            Cell(percent(layer.gap.efficiency), layer.gap.efficiency),
            Cell(waits if layer.cost.byte else "–", layer.waiting_seconds),
        )
        rows.append(Row(layer.name or "network", cells))
    headers = (("Operations", "flop"), ("Bytes", "moved"), ("Time", time.symbol), ("Waterline", time.symbol),
               ("Efficiency", "of the peak"), ("Bound by", ""))  # fmt: skip
    limits = "as circulant calibrate measured them here" if found.is_calibrated_here else (
        "those of the machine that the package was calibrated on; circulant calibrate measures yours"
    )  # fmt: skip
    return {
        "intro": f"One pass over {counted(found.batch, 'example')}. The waterline is the least time that "
        "a layer's operations and bytes allow on this machine; what lies above it is left to better "
        "kernels, what lies between it and the peak goes away only by moving less.",
        "scrolled": pictures.efficiency(ran),
        "table": Table(headers, tuple(rows)),
        "note": f"Limits of the machine: {limits}. {_slowest(len(found.found.layers))}",
    }


def _slowest(count: int) -> str:
    return f"The {MOST_ROWS} of {whole(count)} layers that take longest." if count > MOST_ROWS else ""


def _likeness_blocks(one: Explanation) -> tuple[Block, ...]:
    parts, against = one.parts, one.about.against
    return (
        _block("within", "Layers with one another", parts.likeness, lambda found: {
            "intro": "Linear CKA: 1 where two layers tell the examples apart alike, up to rotation and "
            "scale, 0 where they have nothing in common. Neighbours near 1 change little.",
            "scrolled": found.draw(),
            "note": _estimated(len(one.x), found),
        }),
        _block("between", "Layers with those of the other model", parts.likeness_against, lambda found: {
            "intro": f"Rows are layers of {one.about.name}, columns those of {against}. A diagonal near 1: "
            "both take the examples apart in the same order.",
            "scrolled": found.draw(),
            "note": _estimated(len(one.x), found),
        }),
    )  # fmt: skip


def _estimated(count: int, found: Likeness) -> str:
    """Where both have the same layers, the picture does not name its columns."""
    named = "; columns are the rows' layers, by number" if found.rows == found.columns else ""
    return f"Unbiased estimate over {count} examples{named}."
