"""All that is said of a network, in numbers; pictures and the page are made of it."""

from dataclasses import dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any, Protocol, final

from torch import Tensor

import circulant
from circulant.core.atomic_file import write_atomically
from circulant.explain.filter_basis import FilterBasis
from circulant.explain.overview.filters import Filters, Shift, basis_numbers
from circulant.explain.overview.frequencies import Aliasing, Responses, Spectra
from circulant.explain.overview.likeness import Likeness
from circulant.explain.overview.machine import Efficiency
from circulant.explain.overview.part import LeftOut
from circulant.explain.overview.sight import Fields, Interpreted, Maps


class Numbered(Protocol):
    """A part that can say its numbers."""

    def numbers(self) -> dict[str, Any]: ...


@final
@dataclass(frozen=True, slots=True)
class About:
    """What to call things; all of it is optional."""

    name: str = "the model"
    against: str = "the other model"
    source: str = "given examples"  # where the input comes from
    classes: tuple[str, ...] = ()  # names of the outputs
    labels: tuple[int, ...] = ()  # true class of each example
    is_noise: bool = False  # the input is no example of anything: maps of it would say nothing

    def class_name(self, place: int) -> str:
        return self.classes[place] if place < len(self.classes) else f"output {place}"


@final
@dataclass(frozen=True, slots=True, eq=False)
class ModelFacts:
    """parameters are numbers, layers convolutions and linear maps."""

    kind: str  # the class of the module
    parameters: int
    convolutions: int
    linear: int
    output_shape: tuple[int, ...] | None  # None: more than one tensor


@final
@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Each with its numbers, or with the reason why it is left out."""

    filters: Filters | LeftOut
    basis: FilterBasis | LeftOut
    shift: Shift | LeftOut
    receptive_fields: Fields | LeftOut
    maps: Maps | LeftOut
    interpreter: Interpreted | LeftOut
    responses: Responses | LeftOut
    aliasing: Aliasing | LeftOut
    spectra: Spectra | LeftOut
    efficiency: Efficiency | LeftOut
    likeness: Likeness | LeftOut
    likeness_against: Likeness | LeftOut


@final
@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What a network is and does on an input x (B, ...)."""

    about: About
    facts: ModelFacts
    x: Tensor
    parts: Parts

    def summary(self) -> tuple[str, ...]:
        """The most important findings, a sentence each."""
        from circulant.explain.overview.words import summary

        return summary(self)

    def json(self) -> dict[str, Any]:
        """Numbers only: dicts, lists, texts, numbers; None for what is not a number."""
        return {
            "circulant": circulant.__version__,
            "model": {
                "name": self.about.name,
                "kind": self.facts.kind,
                "parameters": self.facts.parameters,
                "convolutions": self.facts.convolutions,
                "linear": self.facts.linear,
                "output_shape": None if self.facts.output_shape is None else list(self.facts.output_shape),
            },
            "input": {"source": self.about.source, "shape": list(self.x.shape)},
            "summary": list(self.summary()),
            "parts": {f.name: _part_numbers(getattr(self.parts, f.name)) for f in fields(Parts)},
        }

    def page(self) -> str:
        """One HTML file that needs no network."""
        from circulant.explain.overview.page import render_page

        return render_page(self)

    def write(self, folder: Path) -> Path:
        """index.html in folder, which is made; the path of the page."""
        path = folder / "index.html"
        write_atomically(path, self.page())
        return path


def _part_numbers(part: Numbered | FilterBasis | LeftOut) -> dict[str, Any]:
    if isinstance(part, LeftOut):
        return {"left_out": part.reason}
    found = basis_numbers(part) if isinstance(part, FilterBasis) else part.numbers()
    return {key: _finite(value) for key, value in found.items()}


def _finite(value: Any) -> Any:
    """Without nan and infinity, which JSON does not have."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, list):
        return [_finite(one) for one in value]
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    return value
