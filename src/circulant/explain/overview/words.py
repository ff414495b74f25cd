"""The summary: a sentence for each finding, and none where there is nothing to say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from circulant.explain.overview.explanation import About, Explanation
from circulant.explain.overview.filters import Filters, Shift
from circulant.explain.overview.frequencies import INPUT, Aliasing, Spectra
from circulant.explain.overview.likeness import Likeness
from circulant.explain.overview.machine import Efficiency
from circulant.explain.overview.part import LeftOut
from circulant.explain.overview.sight import Fields, Interpreted, Maps
from circulant.report.numbers import COUNT, TIME, percent, show, significant

LOW_SPARSITY = 0.01
NEGLIGIBLE = 0.0005  # share that prints as 0.0 %
ALIKE = 0.95  # CKA from which on a layer hardly changes what the one before it says
NEAR = 1.2  # times the waterline


@final
@dataclass(frozen=True, slots=True)
class Headline:
    """The name between them is emphasised."""

    before: str
    name: str
    after: str

    @property
    def short(self) -> str:
        return f"{self.before}{self.name}{self.after}"


def headline(one: Explanation) -> Headline:
    """The decision for the first example where there is one, else the size of the network."""
    maps = one.parts.maps
    if not isinstance(maps, LeftOut):
        decided = one.about.class_name(int(maps.targets[0]))
        noun = noun_of(one)
        after = f" decides for {decided} in the first {noun}, {sure(float(maps.shares[0]))} sure"
        return Headline("", one.about.name, after)
    facts = one.facts
    parts = [counted(facts.convolutions, "convolution"), f"{show(facts.parameters, COUNT)} parameters"]
    return Headline("", one.about.name, f": {parts[0]}, {parts[1]}")


def summary(one: Explanation) -> tuple[str, ...]:
    parts = one.parts
    sentences = (
        decision(parts.maps, one.about, noun_of(one)),
        sight(parts.receptive_fields, unit_of(one)),
        bias(parts.interpreter),
        quality(parts.filters),
        aliased(parts.aliasing),
        smoothing(parts.spectra),
        speed(parts.efficiency),
        alike(parts.likeness),
        shifted(parts.shift, one.about),
        corresponding(parts.likeness_against, one.about),
    )
    return tuple(sentence for sentence in sentences if sentence)


def noun_of(one: Explanation) -> str:
    return {3: "series", 4: "picture"}.get(one.x.ndim, "example")


def unit_of(one: Explanation) -> str:
    return "pixels" if one.x.ndim == 4 else "samples"


def counted(count: int, noun: str) -> str:
    """no convolution, 1 convolution, 3 convolutions."""
    return f"{count or 'no'} {noun}{'' if count < 2 else 's'}"


def sure(share: float) -> str:
    """Never 100 % sure: that is a matter of rounding."""
    return f"more than {percent(0.999)}" if share >= 1 - NEGLIGIBLE else percent(share)


def decision(maps: Maps | LeftOut, about: About, noun: str) -> str:
    """How many of the examples with maps are decided rightly, where the truth is known."""
    if isinstance(maps, LeftOut) or not about.labels:
        return ""
    targets = maps.targets.tolist()
    right = sum(target == label for target, label in zip(targets, about.labels))
    if len(targets) == 1:
        truth = about.class_name(about.labels[0])
        return f"The decision is {'right' if right else f'wrong: it is {truth}'}."
    nouns = noun if noun == "series" else f"{noun}s"
    if right == len(targets):
        return f"All of the first {len(targets)} {nouns} are decided rightly."
    verb = "is" if right < 2 else "are"
    return f"Of the first {len(targets)} {nouns} {right or 'none'} {verb} decided rightly."


def sight(fields: Fields | LeftOut, unit: str) -> str:
    if isinstance(fields, LeftOut):
        return ""
    last = fields.layers[-1]
    if last.field.half_side == 0:
        return f"The middle of what {layer_word(last.name)} gives does not depend on the input."
    height, width = last.field.share.shape
    side = last.field.half_side
    seen = f"{side} of {width} {unit}" if height == 1 else f"{side} × {side} of {height} × {width} {unit}"
    words = (
        f"Half of what moves the middle of {layer_word(last.name)}, the last convolution, lies within {seen}"
    )
    if side >= last.field.even_half_side:
        return f"{words}: as wide as an even spread over all of the input."
    return f"{words}; an even spread would need {last.field.even_half_side}."


def bias(found: Interpreted | LeftOut) -> str:
    if isinstance(found, LeftOut):
        return ""
    share = found.bias_share
    if share < NEGLIGIBLE:
        return "For the first example the output is linear in the input: no part of it is bias."
    weight = "most" if share > 0.5 else "part"
    return (
        f"With the activations of the first example held, {percent(share)} of the output is bias: "
        f"{weight} of the answer comes from no value of the input."
    )


def quality(filters: Filters | LeftOut) -> str:
    if isinstance(filters, LeftOut):
        return ""
    worst = max(filters.layers, key=lambda one: one.layer.sparsity).layer
    if worst.sparsity < LOW_SPARSITY:
        return "Hardly any kernel is near zero: there is little to prune."
    return (
        f"In {layer_word(worst.name)} {percent(worst.sparsity)} of the kernels are near zero, "
        f"{'more than in any other layer' if len(filters.layers) > 1 else 'and could be pruned'}."
    )


def aliased(aliasing: Aliasing | LeftOut) -> str:
    if isinstance(aliasing, LeftOut):
        return ""
    worst = max(aliasing.layers, key=lambda one: one.score)
    if worst.score < NEGLIGIBLE:
        return "What its strided convolutions read is smooth: next to nothing is lost to aliasing."
    name = layer_word(worst.name)
    lost = f"{percent(worst.score)} of the energy that {name} reads lies above what its stride can keep"
    if len(aliasing.layers) == 1:
        return f"{lost}."
    return f"{lost}, the most of its {len(aliasing.layers)} strided convolutions."


def smoothing(spectra: Spectra | LeftOut) -> str:
    """Whether the last features are smoother or rougher than the input."""
    if isinstance(spectra, LeftOut) or len(spectra.layers) < 2:
        return ""
    first, last = spectra.layers[0], spectra.layers[-1]
    before, after = (float(one.spectrum.share_above().mean()) for one in (first, last))
    words = (
        f"Fine detail, above three quarters of the highest frequency, holds {percent(before)} of the input's"
    )
    change = "more" if after > before else "less"
    return (
        f"{words} power and {percent(after)} of that of {layer_word(last.name)}: {change} than at the start."
    )


def speed(efficiency: Efficiency | LeftOut) -> str:
    if isinstance(efficiency, LeftOut):
        return ""
    whole = efficiency.found.whole
    took = f"One pass over {counted(efficiency.batch, 'example')} takes {show(whole.gap.seconds, TIME)}"
    if whole.bound_seconds <= 0:
        return f"{took}."
    times = whole.gap.seconds / whole.bound_seconds
    if times < 1:
        return f"{took}, less than its waterline: the machine is faster than it was calibrated."
    if times < NEAR:
        return f"{took}, close to its waterline of {show(whole.bound_seconds, TIME)}."
    slowest = max(efficiency.found.layers, key=lambda one: one.gap.seconds)
    share = slowest.gap.seconds / whole.gap.seconds
    where = f"; {layer_word(slowest.name)} takes {percent(share, 0)} of it" if slowest.name else ""
    return f"{took}, {significant(times, 2)} times its waterline of {show(whole.bound_seconds, TIME)}{where}."


def alike(found: Likeness | LeftOut) -> str:
    """Of layers next to each other."""
    if isinstance(found, LeftOut) or len(found.rows) < 2:
        return ""
    pairs = [(float(found.cka[i, i + 1]), i) for i in range(len(found.rows) - 1)]
    known = [pair for pair in pairs if pair[0] == pair[0]]
    if not known:
        return ""
    most, place = max(known)
    first, second = map(layer_word, found.rows[place : place + 2])
    words = f"The neighbours most alike are {first} and {second}, with a CKA of {most:.2f}"
    return f"{words}: {second} changes little." if most >= ALIKE else f"{words}: every layer adds something."


def shifted(found: Shift | LeftOut, about: About) -> str:
    if isinstance(found, LeftOut):
        return ""
    size = sizes(found.size)
    total = found.found.total
    if total == 0:
        return f"Its {size} kernels are those of {about.against}."
    return f"Its {size} kernels and those of {about.against} differ by {significant(total)} nats."


def corresponding(found: Likeness | LeftOut, about: About) -> str:
    """The last layers of both."""
    if isinstance(found, LeftOut):
        return ""
    last = float(found.cka[-1, -1])
    if last != last:
        return ""
    words = f"What it gives and what {about.against} gives have a CKA of {last:.2f}"
    return f"{words}: they say nearly the same." if last >= ALIKE else f"{words}."


def layer_word(name: str) -> str:
    """layer conv1, the input, the network."""
    return {"": "the network", INPUT: "the input"}.get(name, f"layer {name}")


def sizes(size: Sequence[int]) -> str:
    """3 × 3, or 5-tap for series."""
    return f"{size[0]}-tap" if len(size) == 1 else " × ".join(map(str, size))
