"""From a function of the operands to the call that is timed."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from circulant.bench.case import Case, Function
from circulant.bench.contestant import Call, Layout, Tensors
from circulant.core.sizes import Shape

Make = Callable[[Shape], Function]
"""The code for a shape; it takes torch tensors."""
MakeForArrays = Callable[[Shape, int], Callable[..., Any]]
"""The code for a shape and a number of threads; it takes NumPy arrays."""


def torch_code(make: Make, layout: Layout = Layout.CONTIGUOUS) -> Callable[[Case], Call]:
    """Eager code, with its backward pass where the case has one."""

    def prepare(case: Case) -> Call:
        return _call(make(case.shape), case, layout)

    return prepare


def compiled_code(
    make: Make, layout: Layout = Layout.CONTIGUOUS, *, freezing: bool = False
) -> Callable[[Case], Call]:
    """The same through torch.compile, which is done once and not timed.

    freezing: weights are constants of the compiled code, which may rearrange them.
    """
    options: dict[str, Any] | None = {"freezing": True} if freezing else None

    def prepare(case: Case) -> Call:
        torch.compiler.reset()  # else the shapes before this one would make sizes symbolic
        call = _call(torch.compile(make(case.shape), dynamic=False, options=options), case, layout)
        call()
        return call

    return prepare


def array_code(make: MakeForArrays) -> Callable[[Case], Call]:
    """Code on NumPy arrays, which share memory with the tensors."""

    def prepare(case: Case) -> Call:
        function = make(case.shape, case.threads)
        arrays = tuple(operand.numpy() for operand in case.operands)

        def call() -> Tensors:
            return (torch.from_numpy(function(*arrays)),)

        return call

    return prepare


def laid_out(tensor: Tensor, layout: Layout) -> Tensor:
    """The same values; channels last puts axis 1 innermost in memory, if there are places behind it."""
    if layout is Layout.CONTIGUOUS or tensor.ndim < 3:
        return tensor.contiguous()
    return tensor.movedim(1, -1).contiguous().movedim(-1, 1)


def _call(function: Function, case: Case, layout: Layout) -> Call:
    operands = tuple(laid_out(operand, layout) for operand in case.operands)
    if case.cotangent is None:

        def forward() -> Tensors:
            with torch.no_grad():
                return (function(*operands),)

        return forward

    leaves = tuple(operand.detach().requires_grad_() for operand in operands)
    cotangent = laid_out(case.cotangent, layout)

    def both() -> Tensors:
        result = function(*leaves)
        return (result.detach(), *torch.autograd.grad(result, leaves, cotangent))

    return both
