"""An entry as an operation that can be timed: a module beside plain code that uses its parameters."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from circulant.bench.case import SEED, Case, Function
from circulant.bench.contestant import OURS, TORCH, Call, Contestant, Role, Tensors
from circulant.bench.operation import Operation, normal
from circulant.bench.throughput.entry import COLUMNS, Throughput
from circulant.core.operator import Operator
from circulant.core.sizes import Shape

Apply = Callable[[Operator, Tensor], Tensor]

COMPILES_WITHIN = 40  # seconds; loops over time are unrolled, and their code grows with the length


def contest(entry: Throughput) -> Operation:
    """Operands are x and the operator's parameters; gradients are taken for all of them."""
    plain = [
        Contestant(name, Role.TORCH, partial(_prepare, entry, apply)) for name, apply in entry.obvious.items()
    ]
    compiled = [
        Contestant(f"torch.compile of {name}", Role.PEER, partial(_prepare_compiled, entry, apply), TORCH)
        for name, apply in entry.obvious.items()
    ]
    ours = (
        Contestant("circulant", Role.OURS, partial(_prepare, entry, _forward), OURS),
        Contestant(
            "torch.compile of circulant", Role.VARIANT, partial(_prepare_compiled, entry, _forward), OURS
        ),
    )
    columns = COLUMNS[len(entry.shapes[0]) - 2]
    everybody = (*ours, *plain, *compiled)
    return Operation(columns, partial(_operands, entry), partial(_reference, entry), everybody)


def built(entry: Throughput, shape: Shape) -> Operator:
    """The same weights in every call, and in evaluation mode: nothing is dropped."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return entry.make(shape).eval()


def _forward(operator: Operator, x: Tensor) -> Tensor:
    return operator(x)


def _operands(entry: Throughput, shape: Shape) -> tuple[Tensor, ...]:
    parameters = (parameter.detach().double() for parameter in built(entry, shape).parameters())
    return (*normal(shape), *parameters)


def _reference(entry: Throughput, shape: Shape) -> Function:
    """The operator in float64; that it is right is what its contract verifies."""
    operator = built(entry, shape).double()
    names = [name for name, _ in operator.named_parameters()]

    def exact(x: Tensor, *parameters: Tensor) -> Tensor:
        return torch.func.functional_call(operator, dict(zip(names, parameters, strict=True)), (x,))

    return exact


def _prepare(entry: Throughput, apply: Apply, case: Case) -> Call:
    return _call(built(entry, case.shape), apply, case)


def _prepare_compiled(entry: Throughput, apply: Apply, case: Case) -> Call:
    torch.compiler.reset()  # else the shapes before this one would make sizes symbolic
    compiled: Any = torch.compile(apply, dynamic=False)
    call = _call(built(entry, case.shape), compiled, case)
    with _at_most(COMPILES_WITHIN):
        call()
    return call


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    """Raises TimeoutError when the time is over, whatever the code inside makes of the interruption."""
    started = monotonic()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    except Exception as error:
        if monotonic() - started < seconds:
            raise
        raise TimeoutError(f"not compiled within {seconds} seconds") from error
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _call(operator: Operator, apply: Apply, case: Case) -> Call:
    x = case.operands[0]
    operator.requires_grad_(case.cotangent is not None)  # a merged operator comes frozen
    if case.cotangent is None:

        def forward() -> Tensors:
            with torch.no_grad():
                return (apply(operator, x),)

        return forward

    x = x.detach().requires_grad_()
    leaves, cotangent = (x, *operator.parameters()), case.cotangent

    def both() -> Tensors:
        result = apply(operator, x)
        return (result.detach(), *torch.autograd.grad(result, leaves, cotangent, materialize_grads=True))

    return both
