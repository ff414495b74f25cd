"""The network that every operator was put into: what changes is the coloured part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from circulant.compare.findings.run import diagram_description
from circulant.compare.findings.words import example_noun
from circulant.compare.page.width import Width
from circulant.compare.records import Comparison
from circulant.report.axis import path, text
from circulant.report.fragment import Fragment, drawing, element
from circulant.report.text_width import text_width

TALL = 36.0
OPERATOR = "operator"
PLUS = "+"
RADIUS = 11.0  # of the sign that adds


@final
@dataclass(frozen=True, slots=True)
class Box:
    word: str
    left: float
    right: float

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2


def backbone_diagram(comparison: Comparison, width: Width) -> Fragment:
    gap, padding = (26.0, 13.0) if width is Width.WIDE else (9.0, 4.5)
    noun = example_noun(comparison.data).singular
    backbone = comparison.backbone
    blocks = f"{backbone.depth} blocks"
    network = _row((noun, backbone.first, blocks, backbone.last), gap, padding)
    block = _row(("norm", OPERATOR, PLUS, "norm", "MLP", PLUS), gap, padding)
    parts = [text(0, 12, "the network", "tick"), *_draw(network, 22.0, blocks)]
    parts += [text(0, 92, "one block", "tick"), *_draw(block, 118.0, OPERATOR)]
    parts += [_skip(block[0], block[2], 118.0), _skip(block[3], block[5], 118.0)]
    right = max(network[-1].right, block[-1].right) + 2
    return drawing(max(right, float(width.half) - 60), 160, parts, diagram_description(comparison), width.css)


def _row(words: Sequence[str], gap: float, padding: float) -> list[Box]:
    boxes: list[Box] = []
    left = gap  # room for the arrow into the first box
    for word in words:
        right = left + (2 * RADIUS if word == PLUS else text_width(word, 12) + 2 * padding)
        boxes.append(Box(word, left, right))
        left = right + gap
    return boxes


def _draw(boxes: Sequence[Box], top: float, coloured: str) -> Iterator[Fragment]:
    middle = top + TALL / 2
    before = 0.0
    for box in boxes:
        yield path([(before + 2, middle), (box.left - 2, middle)], "arrow")
        tip = box.left - 2
        yield path([(tip - 4, middle - 3), (tip, middle), (tip - 4, middle + 3)], "arrow")
        kind = "box on" if box.word == coloured else "box"
        if box.word == PLUS:
            yield element("circle", cx=box.middle, cy=middle, r=RADIUS, class_=kind)
        else:
            width = box.right - box.left
            yield element("rect", x=box.left, y=top, width=width, height=TALL, rx=3.0, class_=kind)
        yield text(box.middle, middle + 4, box.word, "on" if box.word == coloured else "", "middle")
        before = box.right


def _skip(start: Box, stop: Box, top: float) -> Fragment:
    """The way around: what enters the branch is added to what leaves it."""
    left = start.left - 6
    return path(
        [
            (left, top + TALL / 2),
            (left, top - 9),
            (stop.middle, top - 9),
            (stop.middle, top + TALL / 2 - RADIUS),
        ],
        "skip-path",
    )
