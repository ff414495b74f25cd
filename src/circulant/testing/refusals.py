"""Bad input is refused by an error of ours that says what was needed and what came, before any work."""

from collections.abc import Callable
from inspect import signature
from typing import Any, final

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from circulant.core.card import Card, Case
from circulant.core.errors import CirculantError, DtypeError, ShapeError
from circulant.core.operator import Operator
from circulant.core.sizes import Shape

RANKS = range(5)  # numbers of spatial axes that are tried


@final
class Recorder(TorchDispatchMode):
    """Names of the tensor operations that ran."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


def check_refuses_bad_input(card: Card, case: Case) -> None:
    """Each input that the card lists, in the words that it states."""
    if not card.refuses:
        raise AssertionError(f"{card.name} lists no input to refuse; give at least one BadInput")
    for bad in card.refuses:
        x = torch.ones(bad.shape, dtype=torch.int64 if bad.integer else torch.float32)
        _require_refusal(bad.make, x, CirculantError, (bad.says,))


def check_refuses_integers(card: Card, case: Case) -> None:
    x = torch.ones(case.shape, dtype=torch.int64)
    _require_refusal(case.make, x, DtypeError, ("expected", "int64"))


def check_refuses_wrong_shape(card: Card, case: Case) -> None:
    """Every other number of axes, an axis of no samples and, where the channels are fixed, one too many."""
    B, C, *spatial = case.shape
    operator = type(case.make())
    # C + 1 examples: where a batch axis may be missing, as in torch, it cannot be taken for the channels
    shapes: list[Shape] = [(C + 1, C, *(3,) * ndim) for ndim in RANKS if ndim not in operator.ndims]
    shapes.append((B, C, *spatial[:-1], 0))
    if any(name == "channels" or name.endswith("_channels") for name in signature(operator).parameters):
        shapes.append((B, C + 1, *spatial))
    for shape in shapes:
        _require_refusal(case.make, torch.ones(shape), ShapeError, ("expected", str(shape)))


def _require_refusal(
    make: Callable[[], Operator], x: torch.Tensor, error: type[CirculantError], words: tuple[str, ...]
) -> None:
    """Construction may refuse as well: the operator is made here."""
    given = f"x {tuple(x.shape)} of {x.dtype}"
    recorder = Recorder()
    try:
        module = make()
        with recorder:
            module(x)
    except error as refusal:
        lacking = [word for word in words if word not in str(refusal)]
        if lacking:
            raise AssertionError(f"refusing {given}, {str(refusal)!r} lacks {lacking}") from refusal
    except (RuntimeError, ValueError, TypeError, IndexError) as refusal:
        raise AssertionError(f"expected {error.__name__} for {given}, got {refusal!r}") from refusal
    else:
        raise AssertionError(f"expected {error.__name__} for {given}, it was accepted")
    if recorder.names:
        raise AssertionError(f"{given} is refused only after {recorder.names}; check it first")
