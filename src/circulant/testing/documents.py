"""Documents: what the operator file says of itself is there, and true."""

import ast
import re
import sys
from inspect import Parameter, getsource, signature

from circulant.core.card import Card, Case
from circulant.core.sizes import Shape
from circulant.testing.specimen import specimen

SHAPES = re.compile(r"x \(([^)]*)\) -> y \(([^)]*)\)")
EQUATION = re.compile(r"\S\s*=\s*\S")
GIST = 20  # characters that a sentence has at least


def _docstring(card: Card) -> str:
    return sys.modules[card.module].__doc__ or ""


def check_docstring(card: Card, case: Case) -> None:
    """A sentence, then an equation, then the shapes."""
    first, *rest = _docstring(card).strip().splitlines() or [""]
    if len(first) < GIST or SHAPES.search(first):
        raise AssertionError(f"expected {card.module} to begin with a sentence, got {first!r}")
    if not any(EQUATION.search(line) and not SHAPES.search(line) for line in [first, *rest]):
        raise AssertionError(f"expected an equation in the docstring of {card.module}, found no '='")


def check_documented_shapes(card: Card, case: Case) -> None:
    """One of the lines 'x (...) -> y (...)' holds for what really goes in and comes out."""
    lines = SHAPES.findall(_docstring(card))
    if not lines:
        raise AssertionError(f"expected 'Shapes: x (...) -> y (...)' in the docstring of {card.module}")
    subject = specimen(case)
    x, y = tuple(subject.x.shape), tuple(subject.module(subject.x).shape)
    if not any(_holds(given, result, x, y) for given, result in lines):
        raise AssertionError(f"documented {lines}, but x {x} -> y {y}")


def _holds(given: str, result: str, x: Shape, y: Shape) -> bool:
    """A name stands for one size throughout; a starred name for several sizes."""
    meaning: dict[str, Shape] = {}
    for names, shape in ((given.split(", "), x), (result.split(", "), y)):
        stars = [name for name in names if name.startswith("*")]
        spare = len(shape) - len(names) + len(stars)
        if len(stars) > 1 or spare < 0 or (spare and not stars):
            return False
        rest = list(shape)
        for name in names:
            width = spare if name in stars else 1
            sizes, rest = tuple(rest[:width]), rest[width:]
            known = (int(name),) if name.isdigit() else meaning.setdefault(name, sizes)
            if known != sizes:
                return False
    return True


def check_constructor_is_annotated(card: Card, case: Case) -> None:
    for operator in card.operators:
        known = signature(operator).parameters.values()
        bare = [parameter.name for parameter in known if parameter.annotation is Parameter.empty]
        if bare:
            raise AssertionError(f"expected annotations on {operator.__name__}(...), none on {bare}")


def check_is_final(card: Card, case: Case) -> None:
    for operator in card.operators:
        if not operator.__dict__.get("__final__", False):
            raise AssertionError(f"expected typing.final on {operator.__name__}, got an open class")


def check_file_ends_with_card(card: Card, case: Case) -> None:
    last = ast.parse(getsource(sys.modules[card.module])).body[-1]
    targets = last.targets if isinstance(last, ast.Assign) else [getattr(last, "target", None)]
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    if names != ["CARD"]:
        raise AssertionError(f"expected {card.module} to end with CARD = Card(...), got {names}")


def check_papers(card: Card, case: Case) -> None:
    """At least one, each with authors, a year, a title and a stable link."""
    if not card.papers:
        raise AssertionError(f"expected {card.name} to name its paper, got none")
    for paper in card.papers:
        linked = paper.url.startswith("https://") and " " not in paper.url
        if not (paper.authors and paper.title and 1800 < paper.year < 2100 and linked):
            raise AssertionError(f"expected authors, year, title and an https link, got {paper}")
