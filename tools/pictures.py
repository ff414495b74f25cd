"""Draws docs/images/operators: what the middle of each operator's output depends on, freshly initialised.

    python tools/pictures.py [NAME ...]

Without names it draws what is missing. The pictures are not compared with anything: another processor rounds
otherwise. Run tools/generate.py afterwards, which puts new ones on the pages.
"""

import sys
from pathlib import Path

import torch

from circulant.catalogue import CATALOGUE
from circulant.core.card import Card
from circulant.explain.receptive_field import effective_receptive_field

FOLDER = Path(__file__).parent.parent / "docs/images/operators"
CHANNELS = 16
SPATIAL = {1: (128,), 2: (32, 32)}  # no more axes can be drawn
EXAMPLES = 4


def draw(card: Card) -> str | None:
    """Of the member with the most axes that a picture can show."""
    ndim = max((ndim for ndim in card.ndims if ndim in SPATIAL), default=None)
    if ndim is None:
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = card.mixer(CHANNELS, SPATIAL[ndim]).eval()
        x = torch.randn(EXAMPLES, CHANNELS, *SPATIAL[ndim])
        return effective_receptive_field(module, x).plot()


def main(names: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for card in CATALOGUE:
        path = FOLDER / f"{card.name}.svg"
        if (card.name in names or (not names and not path.exists())) and (picture := draw(card)):
            path.write_text(picture, encoding="utf-8")
            print(path.name)


if __name__ == "__main__":
    main(sys.argv[1:])
