"""How much room a label needs, without a font at hand: a little more than common sans-serif fonts take."""

from unicodedata import east_asian_width

NARROW = frozenset("iIjlt.,:;'|!()[]{}f r-/\\\"")
WIDE = frozenset("mwMW@%—")


def text_width(text: str, size: float) -> float:
    """Width in pixels at that font size."""
    return size * sum(map(_em, text))


def _em(letter: str) -> float:
    if letter in NARROW:
        return 0.36
    if letter in WIDE or east_asian_width(letter) in "WF":
        return 1.0
    return 0.72 if letter.isupper() else 0.58


def shortened(text: str, size: float, room: float) -> str:
    """The text, cut with an ellipsis in the middle where it does not fit."""
    if text_width(text, size) <= room:
        return text
    for kept in range(len(text) - 1, 2, -1):
        head = -(-kept // 2)
        cut = f"{text[:head]}…{text[len(text) - (kept - head) :]}"
        if text_width(cut, size) <= room:
            return cut
    return text[:1] + "…"
