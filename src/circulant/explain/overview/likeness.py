"""How alike layers represent the examples: centred kernel alignment of each with each."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.explain.cka import Estimator, alignment, linear_gram
from circulant.explain.overview.layers import WEIGHTED, named_layers, run_watched, spread
from circulant.report.fragment import Fragment, standalone
from circulant.report.share_matrix import share_matrix

FEWEST = 8  # examples: fewer are hardly ever unlike one another
MOST_LAYERS = 10


@final
@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """Linear CKA, unbiased, of each layer in rows with each in columns; nan where one does not vary."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cka: NDArray[np.float64]  # (R, C)

    def numbers(self) -> dict[str, Any]:
        return {"rows": list(self.rows), "columns": list(self.columns), "cka": self.cka.tolist()}

    def draw(self) -> Fragment:
        return share_matrix(self.cka, self.rows, self.columns, "CKA", "Alignment of layers")

    def plot(self) -> str:
        """A stand-alone SVG picture of the matrix."""
        return standalone(self.draw())


def likeness(network: nn.Module, x: Tensor, against: nn.Module | None = None) -> Likeness:
    """Layers of the network with one another, or with those of another one that reads the same x."""
    if len(x) < FEWEST:
        raise ShapeError(
            f"expected {FEWEST} examples or more, as it is seen from how they differ, got {len(x)}; "
            "give more of them"
        )
    grams = _grams(network, x)
    others = grams if against is None else _grams(against, x)
    values = [[alignment(a, b, Estimator.UNBIASED) for b in others.values()] for a in grams.values()]
    return Likeness(tuple(grams), tuple(others), np.array(values))


def _grams(network: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """Of the layers that give a row for each example, some evenly over the depth, in the order of the run."""
    chosen = _named(network, spread(_running(network, x[:2]), MOST_LAYERS))
    grams: dict[str, Tensor] = {}

    def keep(name: str, module: nn.Module, read: Any, gave: Any) -> None:
        if name not in grams:
            grams[name] = linear_gram(gave).cpu()

    run_watched(network, x, chosen, keep)
    return grams


def _running(network: nn.Module, x: Tensor) -> list[str]:
    names: dict[str, None] = {}

    def note(name: str, module: nn.Module, read: Any, gave: Any) -> None:
        if (
            isinstance(gave, Tensor)
            and gave.ndim > 1
            and len(gave) == len(x)
            and torch.is_floating_point(gave)
        ):
            names[name] = None

    run_watched(network, x, named_layers(network, WEIGHTED), note)
    if not names:
        raise ArgumentError("expected layers with weights that give a row for each example, found none")
    return list(names)


def _named(network: nn.Module, names: tuple[str, ...]) -> dict[str, nn.Module]:
    return {name: network.get_submodule(name) for name in names}
