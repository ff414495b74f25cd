"""Numbers: the operator computes what its reference says, and the reference stands on its own."""

import ast
from collections.abc import Callable, Iterator
from copy import deepcopy
from inspect import getsource
from textwrap import dedent
from types import FunctionType, ModuleType
from typing import Any

import torch

from circulant.core.card import Card, Case
from circulant.core.operator import Operator
from circulant.core.tolerances import assert_close
from circulant.testing.specimen import draw, gradients, parameters_of, reference_result, specimen

SEEDS = (0, 1, 2)
FFT_MODULES = ("torch.fft", "torch._C._fft")


def check_equals_reference(card: Card, case: Case) -> None:
    """In evaluation mode and, unless it draws random numbers there, in training mode."""
    for seed in SEEDS:
        for training in (False, True):
            subject = specimen(case, seed)
            module = subject.module.train(training)
            if training and _draws_random_numbers(module, subject.x):
                continue
            expected = reference_result(card, case, module, subject.x)
            mode = "training" if training else "evaluation"
            assert_close(module(subject.x), expected, what=f"output in {mode} mode against the reference")


def _draws_random_numbers(module: Operator, x: torch.Tensor) -> bool:
    results = []
    for seed in (0, 1):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            results.append(deepcopy(module)(x))
    return not torch.equal(*results)


def check_gradients_equal_reference(card: Card, case: Case) -> None:
    """With respect to the input and to every parameter, against autograd through the reference."""
    subject = specimen(case)
    x = subject.x.requires_grad_()
    named = {"x": x, **parameters_of(subject.module)}
    y = subject.module(x)
    cotangent = draw(tuple(y.shape), seed=7)
    expected = reference_result(card, case, subject.module, x)
    leaves = list(named.values())
    pairs = zip(gradients(y, leaves, cotangent), gradients(expected, leaves, cotangent))
    for name, (got, wanted) in zip(named, pairs):
        assert_close(got, wanted, what=f"gradient of {name} against the reference")


def check_reference_is_independent(card: Card, case: Case) -> None:
    """Neither it nor the functions of its file that it calls use torch.fft or anything of circulant."""
    for function in _with_callees(card.reference):
        for node in ast.walk(_tree(function)):
            complaint = _borrowed(node, function)
            if complaint:
                raise AssertionError(
                    f"expected {function.__name__} to be plain torch code, got {complaint}; "
                    "write the equation out"
                )


def _tree(function: FunctionType) -> ast.Module:
    return ast.parse(dedent(getsource(function)))


def _with_callees(function: Callable[..., Any]) -> Iterator[FunctionType]:
    """The function and, in turn, the functions of the same file that it names."""
    found: list[Any] = [function]
    for current in found:
        yield current
        for node in ast.walk(_tree(current)):
            value = current.__globals__.get(node.id) if isinstance(node, ast.Name) else None
            if isinstance(value, FunctionType) and value.__module__ == function.__module__:
                found.extend([] if value in found else [value])


def _borrowed(node: ast.AST, function: FunctionType) -> str | None:
    """What the node takes from elsewhere that a reference may not use."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return "an import inside it"
    if isinstance(node, ast.Attribute) and node.attr in ("fft", "circulant"):
        return f"the attribute .{node.attr}"
    if not isinstance(node, ast.Name) or node.id not in function.__globals__:
        return None
    value = function.__globals__[node.id]
    origin = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None) or ""
    if isinstance(value, type) and issubclass(value, Operator):
        return f"the operator {node.id}"
    if origin in FFT_MODULES:
        return f"{node.id} of torch.fft"
    if origin.split(".")[0] == "circulant" and origin != function.__module__:
        return f"{node.id} of {origin}"
    return None
