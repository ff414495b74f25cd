"""The pictures of an explanation, each with the words below it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from circulant.explain.filter_basis import FilterBasis
from circulant.explain.layer_efficiency import ModuleEfficiency
from circulant.explain.overview.explanation import Explanation
from circulant.explain.overview.filters import Shift
from circulant.explain.overview.frequencies import LayerResponse, LayerSpectrum, Responses
from circulant.explain.overview.sight import Interpreted, LayerField, Maps
from circulant.explain.overview.words import layer_word, noun_of, sure
from circulant.report.curve_panel import gain_curve, receptive_curve
from circulant.report.efficiency_bars import EfficiencyBar, efficiency_bars
from circulant.report.fragment import Fragment
from circulant.report.kernel_row import kernel_row
from circulant.report.map_panel import receptive_map
from circulant.report.numbers import percent, significant
from circulant.report.picture_row import Picture, picture_row
from circulant.report.power_panel import power_curve
from circulant.report.series_strip import series_strip
from circulant.report.share_bars import ShareBar, share_bars
from circulant.report.text_width import shortened

COMPONENTS = 6  # that are drawn
NAME_ROOM, NAME_SIZE = 200.0, 12.0
EVEN = 0.25  # mean frequency, in cycles per sample, of a gain that is the same everywhere
POSITIVE = ("Eigen-CAM", "Grad-CAM")  # methods whose maps have no sign

Values = NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True)
class Figure:
    title: str
    picture: Fragment
    caption: str


@final
@dataclass(frozen=True, slots=True)
class Panel:
    """A map of importance: what its values are, and whether they have a sign."""

    description: str
    unit: str
    signed: bool


def basis(found: FilterBasis) -> Fragment | None:
    """None for kernels along three axes."""
    if len(found.size) > 2:
        return None
    height = found.size[0] if len(found.size) == 2 else 1
    kernels = found.components[:COMPONENTS].reshape(-1, height, found.size[-1]).numpy()
    labels = [percent(float(share)) for share in found.explained[: len(kernels)]]
    return kernel_row(
        kernels, labels, "share of variance", f"The first {len(kernels)} components of the kernels"
    )


def shift(found: Shift) -> Figure:
    bars = [
        ShareBar(f"component {number}", float(value))
        for number, value in enumerate(found.found.divergence[:COMPONENTS], 1)
    ]
    worst = max(range(len(bars)), key=lambda place: bars[place].value) + 1
    picture = share_bars(bars, "divergence, nats", "Divergence of each component")
    return Figure("By component", picture, f"Component {worst} differs most.")


def field(layer: LayerField, unit: str) -> Figure:
    share, side = layer.field.share, layer.field.half_side
    draw = receptive_curve if share.shape[0] == 1 else receptive_map
    words = f"{side} × {side}" if share.shape[0] > 1 else str(side)
    caption = f"Half lies within {words} {unit}." if side else "Does not depend on the input."
    return Figure(
        _titled(layer.name),
        draw(share, side, f"Receptive field of {layer_word(layer.name)}: {caption}"),
        caption,
    )


def response(layer: LayerResponse, every: Responses) -> Figure:
    others = [one.response.gain for one in every.layers if one is not layer]
    mean = layer.mean_frequency
    kind = "Smooths" if mean < 0.9 * EVEN else "Sharpens" if mean > 1.1 * EVEN else "Passes all alike"
    caption = f"{kind}: its gain lies at {significant(mean, 2)} cycles per sample on average."
    picture = gain_curve(
        layer.response.frequency,
        layer.response.gain,
        others,
        f"Gain of {layer_word(layer.name)} by frequency. {caption}",
    )
    return Figure(_titled(layer.name), picture, caption)


def spectrum(layer: LayerSpectrum) -> Figure:
    found = layer.spectrum
    share = percent(float(found.share_above().mean()))
    caption = f"{share} of the power lies above three quarters of the highest frequency."
    picture = power_curve(
        found.frequency[1:], found.power.mean(0)[1:], f"Power of {layer_word(layer.name)}. {caption}"
    )
    return Figure(_titled(layer.name), picture, caption)


def efficiency(layers: Sequence[ModuleEfficiency]) -> Fragment:
    bars = [
        EfficiencyBar(
            shortened(layer.name or "network", NAME_SIZE, NAME_ROOM),
            layer.gap.ideal_seconds,
            layer.bound_seconds,
            layer.gap.seconds,
        )
        for layer in layers
    ]
    return efficiency_bars(bars, "Time of each layer against its waterline")


def maps(one: Explanation, found: Maps) -> tuple[Figure, ...]:
    """Of each example the input itself, then each method."""
    figures = []
    for number, target in enumerate(found.targets.tolist()):
        said = f"{one.about.class_name(target)}, {sure(float(found.shares[number]))} sure"
        truth = f"; it is {one.about.class_name(one.about.labels[number])}" if one.about.labels else ""
        title = f"{noun_of(one).capitalize()} {number + 1}"
        figures.append(Figure(title, _input(one.x[number], title), f"Decides for {said}{truth}."))
        for method in found.methods:
            values = method.values[number].detach().double().cpu().numpy()
            signed = method.method not in POSITIVE
            name = method.method.replace(" x ", " × ")
            unit = "logits" if signed else "strength"
            picture = _over(one.x[number], values, Panel(f"{name}, {title}", unit, signed))
            heading = name[:1].upper() + name[1:]
            if one.x.ndim == 3:  # the rows of the page do not begin with an example there
                heading += f" of {title.lower()}"
            figures.append(Figure(heading, picture, _peak(values, signed)))
    return tuple(figures)


def row(one: Explanation, found: Interpreted) -> tuple[Figure, ...]:
    if one.x.ndim not in (3, 4):
        return ()
    values = np.atleast_2d(found.row.detach().double().cpu().sum(0).numpy())
    title = f"What {one.about.class_name(found.target)} reads"
    picture = _over(one.x[0], values, Panel(title, "per unit of input", True))
    return (Figure(title, picture, _peak(values, True)),)


def _titled(name: str) -> str:
    words = layer_word(name).removeprefix("the ")
    return words[:1].upper() + words[1:]


def _peak(values: Values, signed: bool) -> str:
    place = np.unravel_index(int(np.abs(values).argmax()), values.shape)
    where = f"sample {place[1]}" if values.shape[0] == 1 else f"row {place[0]}, column {place[1]}"
    if not values.any():
        return "Zero everywhere."
    if not signed:
        return f"Strongest at {where}."
    return f"Most weight {'for' if values[place] > 0 else 'against'} it at {where}."


def _input(example: Tensor, title: str) -> Fragment:
    values = example.detach().double().cpu().numpy()
    if values.ndim == 2:
        return series_strip(values, "input", None, title)
    return picture_row([Picture("input", _pixels(values))], title)


def _pixels(values: Values) -> Values:
    """In the full range of grey; three channels as colours, others averaged."""
    span = float(values.max() - values.min()) or 1.0
    scaled: Values = (values - values.min()) / span
    return np.moveaxis(scaled, 0, -1) if len(values) == 3 else scaled.mean(0)


def _over(example: Tensor, values: Values, panel: Panel) -> Fragment:
    picture = Picture(panel.unit, values, "", signed=panel.signed)
    if example.ndim == 2:
        series = example.detach().double().cpu().numpy()
        return series_strip(series, f"input; below: {panel.unit}", picture, panel.description)
    return picture_row([picture], panel.description)
