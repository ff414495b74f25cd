"""Graphs: torch.compile without a break, with fixed and changing sizes, and torch.export."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch._dynamo
from torch import Tensor
from torch._dynamo.exc import TorchDynamoException
from torch._dynamo.testing import CompileCounterWithBackend

from circulant.core.card import Card, Case
from circulant.core.errors import CirculantError
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.core.tolerances import assert_close
from circulant.testing.specimen import draw, gradients, parameters_of, specimen

FAILURES = (TorchDynamoException, RuntimeError, TypeError, AttributeError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Step:
    """Result of a forward and a backward pass."""

    y: Tensor
    gradients: dict[str, Tensor]


def check_compiles(card: Card, case: Case) -> None:
    """In one graph, forward and backward."""
    subject = specimen(case)
    _same_when_compiled(subject.module, [subject.x], "aot_eager", dynamic=False)


def check_compiles_with_dynamic_sizes(card: Card, case: Case) -> None:
    """One graph serves two batches, and another length where the operator takes one."""
    module = specimen(case).module
    B, C, *spatial = case.shape
    sizes = [max(case.shape) + more for more in (1, 2)]  # unlike any other, or tracing takes them for equal
    shapes = [(size, C, *spatial) for size in sizes]
    longer = (B, C, *(2 * size for size in spatial))
    if _accepts(module, longer):
        shapes.append(longer)
    inputs = [draw(shape, seed=5) for shape in shapes]
    first, second, *_ = _same_when_compiled(module, inputs, "aot_eager", dynamic=True)
    if second > first:
        raise AssertionError(f"batches of {sizes} take a graph each; do not branch on the batch size")


def check_compiles_with_inductor(card: Card, case: Case) -> None:
    """In float32, with the generated code."""
    subject = specimen(case, dtype=torch.float32)
    _same_when_compiled(subject.module, [subject.x], "inductor", dynamic=False)


def check_exports(card: Card, case: Case) -> None:
    """torch.export gives a program that equals the module."""
    subject = specimen(case)
    with _graph_errors("torch.export.export"):
        program = torch.export.export(subject.module, (subject.x,))
        got = program.module()(subject.x)
    assert_close(got, subject.module(subject.x), what="output of the exported program")


def _same_when_compiled(module: Operator, inputs: list[Tensor], backend: str, *, dynamic: bool) -> list[int]:
    """Compares outputs and gradients for each input -> number of graphs compiled after each."""
    torch._dynamo.reset()
    counter = CompileCounterWithBackend(backend)
    compiled = torch.compile(module, fullgraph=True, backend=counter, dynamic=dynamic)
    compiled_so_far = []
    for x in inputs:
        expected = _step(module, module, x)
        with _graph_errors(f"torch.compile(fullgraph=True, {backend=}, {dynamic=}) for x {tuple(x.shape)}"):
            got = _step(compiled, module, x)
        assert_close(got.y, expected.y, what=f"compiled output for x {tuple(x.shape)}")
        for name, wanted in expected.gradients.items():
            assert_close(got.gradients[name], wanted, what=f"compiled gradient of {name}")
        compiled_so_far.append(int(counter.frame_count))
    return compiled_so_far


def _step(call: Callable[[Tensor], Tensor], module: Operator, x: Tensor) -> Step:
    named = {"x": x.detach().clone().requires_grad_(), **parameters_of(module)}
    y = call(named["x"])
    found = gradients(y, list(named.values()), draw(tuple(y.shape), seed=7, dtype=y.dtype))
    return Step(y.detach(), dict(zip(named, found)))


def _accepts(module: Operator, shape: Shape) -> bool:
    try:
        module(draw(shape, seed=5))
    except CirculantError:
        return False
    return True


@contextmanager
def _graph_errors(what: str) -> Iterator[None]:
    try:
        yield
    except FAILURES as error:
        raise AssertionError(f"{what} fails: {error}") from error
