"""What a trained operator sees, said in a sentence made from its numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from circulant.compare.records import Comparison, Sight
from circulant.explain.frequency_response import FrequencyResponse
from circulant.explain.receptive_field import ReceptiveField, half_side
from circulant.report.numbers import percent

BROAD, FINE = 1 / 16, 0.4  # cycles per sample: broad shapes below, fine detail above
FLAT = 0.8  # ratio of gains from which a response is called nearly flat


@final
@dataclass(frozen=True, slots=True)
class Seen:
    """The sight of one operator, averaged over its seeds."""

    operator: str
    sight: Sight


def seen_by(comparison: Comparison, operators: Sequence[str]) -> tuple[Seen, ...]:
    """Operators that were not looked into are left out."""
    found = []
    for operator in operators:
        sights = [t.sight for t in comparison.trials if t.operator == operator and t.sight is not None]
        if sights:
            found.append(Seen(operator, _mean(sights)))
    return tuple(found)


def _mean(sights: Sequence[Sight]) -> Sight:
    fields = [sight.receptive_field for sight in sights]
    responses = [sight.frequency_response for sight in sights]
    share = np.mean([field.share for field in fields], axis=0)
    gain = np.mean([response.gain for response in responses], axis=0)
    plane = np.mean([response.plane for response in responses], axis=0)
    share = share / (share.sum() or 1.0)
    return Sight(
        ReceptiveField(share, half_side(share), fields[0].even_half_side),
        FrequencyResponse(responses[0].frequency, _to_one(gain), _to_one(plane)),
    )


def _to_one(gain: NDArray[np.float64]) -> NDArray[np.float64]:
    return gain / (float(gain.max()) or 1.0)


def sight_caption(seen: Seen) -> str:
    """Where it looks, and which frequencies it passes."""
    field = seen.sight.receptive_field
    if field.half_side == 0:
        return "The output here does not depend on the input: this operator has learnt to pass nothing on."
    return f"{_extent(field)} {_response(seen.sight.frequency_response)}"


def _extent(field: ReceptiveField) -> str:
    one_axis = field.share.shape[0] == 1
    side = field.half_side
    if side == 1:
        return "More than half of what moves a position lies in that position itself."
    held = f"{side} samples" if one_axis else f"{side} × {side} samples"
    spread = " – as much as an even spread would need" if side >= field.even_half_side else ""
    return f"Half of what moves a position lies within {held}{spread}."


def _response(response: FrequencyResponse) -> str:
    broad = float(response.gain[response.frequency < BROAD].mean())
    fine = float(response.gain[response.frequency >= FINE].mean())
    peak = float(response.frequency[response.gain.argmax()])
    if max(broad, fine) < FLAT:
        return f"Favours middle frequencies, most at {peak:.2f} cycles per sample."
    if fine < FLAT * broad:
        return f"Low-pass: fine detail gets {percent(fine / broad, 0)} of the gain of broad shapes."
    if broad < FLAT * fine:
        return f"High-pass: broad shapes get {percent(broad / fine, 0)} of the gain of fine detail."
    least = float(response.gain.min())
    if least < FLAT * min(broad, fine):
        return f"Weakest in the middle frequencies, where gain falls to {percent(least, 0)} of its largest."
    return f"Nearly flat: fine detail gets {percent(fine / broad, 0)} of the gain of broad shapes."


def sight_intro(one_axis: bool, causal: bool = False) -> str:
    second = "Right" if one_axis else "Middle and right"
    ahead = " Nothing ahead of the position moves it: every operator is causal." if causal else ""
    return (
        "The trained operator of the middle block. Left: how strongly each sample around a position moves "
        f"it (effective receptive field). {second}: how much of each frequency gets through, from broad "
        f"shapes (0) to the finest detail (½).{ahead}"
    )


def sight_note(seen: Sequence[Seen]) -> str:
    field = seen[0].sight.receptive_field
    even = field.even_half_side
    one_axis = field.share.shape[0] == 1
    side = f"{even} samples" if one_axis else f"{even} × {even} samples"
    colour = "" if one_axis else "; colour is logarithmic"
    return (
        "Receptive field: mean absolute gradient of the centre of the operator’s output with respect to "
        f"its input, around real features, all seeds{colour}. Frequency response: size of "
        "the centre’s reaction to a small wave laid over the same features, so that operators which "
        "depend on their input (attention, gates) are shown linearised; each relative to its own largest "
        "value. “Fine detail” is above 0.4 cycles per sample, “broad shapes” below 0.06. An even spread "
        f"would need {side} to hold half. The control has no operator to look into."
    )
