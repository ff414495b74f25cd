"""What each trained operator sees: the same pictures on the same axes for all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from circulant.compare.findings.sight import Seen, sight_caption
from circulant.report.curve_panel import gain_curve, receptive_curve
from circulant.report.fragment import Fragment
from circulant.report.map_panel import plane_map, receptive_map


@final
@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    picture: Fragment


@final
@dataclass(frozen=True, slots=True)
class Card:
    name: str
    caption: str
    panels: tuple[Panel, ...]
    one_axis: bool


def sight_cards(seen: Sequence[Seen]) -> tuple[Card, ...]:
    return tuple(_card(one, [other for other in seen if other is not one]) for one in seen)


def _card(one: Seen, others: Sequence[Seen]) -> Card:
    field, response = one.sight.receptive_field, one.sight.frequency_response
    caption = sight_caption(one)
    gains = [other.sight.frequency_response.gain for other in others]
    gain = Panel("gain by frequency", gain_curve(response.frequency, response.gain, gains, caption))
    if field.share.shape[0] == 1:
        curve = receptive_curve(field.share, field.half_side, caption)
        return Card(one.operator, caption, (Panel("receptive field", curve), gain), True)
    return Card(
        one.operator,
        caption,
        (
            Panel("receptive field", receptive_map(field.share, field.half_side, caption)),
            Panel("response, 2-D", plane_map(response.plane, caption)),
            gain,
        ),
        False,
    )
