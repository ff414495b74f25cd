"""An entry as an operation that can be timed: a module beside plain code that uses its parameters."""

from collections.abc import Callable
from functools import partial
from typing import Any, final

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from circulant.bench.case import SEED, Case, Function
from circulant.bench.contestant import OURS, TORCH, Call, Contestant, Role, Tensors
from circulant.bench.operation import Operation, normal
from circulant.bench.throughput.entry import COLUMNS, Throughput
from circulant.core.operator import Operator
from circulant.core.sizes import Shape

Apply = Callable[[Operator, Tensor], Tensor]

MOST_COMPILED = 500  # operations; tracing and compiling take about a tenth of a second for each


def contest(entry: Throughput) -> Operation:
    """Operands are x and the operator's parameters; gradients are taken for all of them."""
    plain = [
        Contestant(name, Role.TORCH, partial(_prepare, entry, apply)) for name, apply in entry.obvious.items()
    ]
    compiled = [
        Contestant(
            f"torch.compile of {name}", Role.PEER, partial(_prepare_compiled, entry, apply), TORCH,
            has_backward=entry.compiled_backward,
        )
        for name, apply in entry.obvious.items()
    ]  # fmt: skip
    ours = Contestant("circulant", Role.OURS, partial(_prepare, entry, _forward), OURS)
    columns = COLUMNS[len(entry.shapes[0]) - 2]
    everybody = (ours, *plain, *compiled)
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
    operator = built(entry, case.shape)
    with torch.no_grad(), _Operations() as traced:
        apply(operator, case.operands[0])
    if traced.count > MOST_COMPILED:
        raise RuntimeError(
            f"{traced.count} operations to trace, more than {MOST_COMPILED}: not compiled here"
        )
    torch.compiler.reset()  # else the shapes before this one would make sizes symbolic
    compiled: Any = torch.compile(apply, dynamic=False)
    call = _call(operator, compiled, case)
    call()
    return call


@final
class _Operations(TorchDispatchMode):
    """How many operations of torch run inside; each round of a loop counts, as compilers unroll them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


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
