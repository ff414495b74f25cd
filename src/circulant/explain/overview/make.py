"""From a network and an input to their explanation."""

from collections.abc import Callable
from typing import Any, TypeVar, final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.evaluation import in_evaluation
from circulant.core.tried import Failure, tried
from circulant.explain.overview.explanation import About, Explanation, ModelFacts, Parts
from circulant.explain.overview.filters import basis, filters, shift
from circulant.explain.overview.frequencies import aliasing, responses, spectra
from circulant.explain.overview.layers import CONVOLVING, named_layers
from circulant.explain.overview.likeness import likeness
from circulant.explain.overview.machine import efficiency
from circulant.explain.overview.part import LeftOut, attempt
from circulant.explain.overview.sight import fields, interpreted, maps

Part = TypeVar("Part")
Watch = Callable[[str], None]  # called with the name of each part as it begins

ALONE = LeftOut("no second model was given")
NOISE = LeftOut("the input is noise: where it matters says nothing; give an example")


def explain(
    model: nn.Module,
    x: Tensor,
    *,
    against: nn.Module | None = None,
    about: About | None = None,
    watch: Watch | None = None,
) -> Explanation:
    """All that applies to the model on x (B, ...): series (B, C, L), pictures (B, C, H, W), or else less.

    against: another model that reads the same x. Both are run as in evaluation and left as they were. A part
    that does not apply says why. Raises ShapeError where a model does not take x at all.
    """
    if x.ndim < 2 or x.shape[0] == 0:
        raise ShapeError(f"expected examples x (B, ...), one or more, got {tuple(x.shape)}; see unsqueeze")
    known = About() if about is None else about
    facts = _facts(model, x, known.name)
    if against is not None:
        _facts(against, x, known.against)
    return Explanation(known, facts, x, _parts(model, x, against, known, _Steps(watch)))


@final
class _Steps:
    """Says which part begins, each of `Parts` once, and lets none stop the others."""

    def __init__(self, watch: Watch | None) -> None:
        self.watch = watch

    def __call__(self, name: str, make: Callable[[], Part] | LeftOut) -> Part | LeftOut:
        if self.watch is not None:
            self.watch(name)
        return make if isinstance(make, LeftOut) else attempt(make)


def _parts(model: nn.Module, x: Tensor, against: nn.Module | None, about: About, step: _Steps) -> Parts:
    return Parts(
        filters=step("filters", lambda: filters(model)),
        basis=step("basis of filters", lambda: basis(model)),
        shift=step("shift of filters", ALONE if against is None else lambda: shift(model, against)),
        receptive_fields=step("receptive fields", lambda: fields(model, x)),
        maps=step("maps of importance", NOISE if about.is_noise else lambda: maps(model, x)),
        interpreter=step("linear interpreter", lambda: interpreted(model, x)),
        responses=step("frequency responses", lambda: responses(model, x)),
        aliasing=step("aliasing", lambda: aliasing(model, x)),
        spectra=step("spectra", lambda: spectra(model, x)),
        efficiency=step("efficiency", lambda: efficiency(model, x)),
        likeness=step("alignment of layers", lambda: likeness(model, x)),
        likeness_against=step(
            "alignment with the other model",
            ALONE if against is None else lambda: likeness(model, x, against),
        ),
    )


def _facts(model: nn.Module, x: Tensor, name: str) -> ModelFacts:
    output = _output(model, x, name)
    return ModelFacts(
        type(model).__name__,
        sum(p.numel() for p in model.parameters()),
        len(named_layers(model, CONVOLVING)),
        len(named_layers(model, (nn.Linear,))),
        tuple(output.shape) if isinstance(output, Tensor) else None,
    )


def _output(model: nn.Module, x: Tensor, name: str) -> Any:
    if not isinstance(model, nn.Module):
        raise ArgumentError(f"expected a torch.nn.Module, got {type(model).__name__}; give the module itself")
    with in_evaluation(model), torch.no_grad():
        output = tried(lambda: model(x))
    if isinstance(output, Failure):
        raise ShapeError(
            f"expected an input that {name} takes, but for {tuple(x.shape)} of {x.dtype} it raised "
            f"{output.reason}; give the shape that it was made for"
        )
    return output
