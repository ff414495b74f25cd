"""What a check examines: an operator none of whose parameters is left at its first value, and an input."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature

import torch
from torch import Tensor

from circulant.core.card import Card, Case
from circulant.core.operator import Operator
from circulant.core.sizes import Shape

NOISE = 0.1  # moves zero-initialised parameters, small enough to keep the others in their range


@dataclass(frozen=True, slots=True)
class Specimen:
    """A module in evaluation mode and an input that fits it."""

    module: Operator
    x: Tensor


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def draw(shape: Shape, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Normal random numbers that do not touch torch's own generator."""
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


def build(case: Case, seed: int = 0) -> Operator:
    """The case's operator as it comes, in float64."""
    with torch.random.fork_rng(devices=[]), default_dtype(torch.float64):
        torch.manual_seed(seed)
        return case.make().double()


def specimen(case: Case, seed: int = 0, dtype: torch.dtype = torch.float64) -> Specimen:
    module = build(case, seed)
    _disturb(module, seed)
    return Specimen(module.to(dtype).eval(), draw(case.shape, seed + 1, dtype))


def _disturb(module: Operator, seed: int) -> None:
    """Parameters and stored buffers move a little; buffers that are not stored are constants."""
    stored = module.state_dict(keep_vars=True)
    with torch.no_grad():
        for offset, tensor in enumerate(stored.values()):
            if not tensor.is_floating_point():
                continue
            noise = NOISE * draw(tuple(tensor.shape), 1000 * (seed + 1) + offset)
            if not isinstance(tensor, torch.nn.Parameter) and bool((tensor > 0).all()):
                tensor.mul_(noise.exp())  # a variance stays positive
            else:
                tensor.add_(noise)


def named_state(module: Operator) -> dict[str, Tensor]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def reference_result(card: Card, case: Case, module: Operator, x: Tensor) -> Tensor:
    """The card's reference on the module's state; told the mode if it has a parameter `training`."""
    options = dict(case.options)
    if "training" in signature(card.reference).parameters:
        options["training"] = module.training
    with default_dtype(torch.float64):
        return card.reference(x, named_state(module), **options)


def parameters_of(module: Operator) -> dict[str, Tensor]:
    """Those that are trained."""
    return {name: value for name, value in module.named_parameters() if value.requires_grad}


def gradients(y: Tensor, leaves: list[Tensor], cotangent: Tensor) -> list[Tensor]:
    """Of <y, cotangent>, zero where y does not depend on a leaf."""
    if not y.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    found = torch.autograd.grad(y, leaves, cotangent, allow_unused=True)
    return [torch.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves)]
