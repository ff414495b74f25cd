"""The door to pooling: values, derivatives and refusals as torch's, planned against it."""

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck

from circulant.backends.native import core
from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine import planner, wisdom
from circulant.engine.choice import Backend
from circulant.problems.pooling import PoolingProblem, PoolMode
from circulant.windows import sliding_window_pool

BY_TORCH = {
    (PoolMode.MAX, 1): F.max_pool1d,
    (PoolMode.MAX, 2): F.max_pool2d,
    (PoolMode.AVERAGE, 1): F.avg_pool1d,
    (PoolMode.AVERAGE, 2): F.avg_pool2d,
}
MODES = pytest.mark.parametrize("mode", PoolMode, ids=lambda mode: mode.value)


@pytest.fixture(autouse=True)
def _nothing_measured(tmp_path, monkeypatch):
    monkeypatch.setenv(wisdom.FOLDER_VARIABLE, str(tmp_path))
    planner.forget_plans()
    yield
    planner.forget_plans()


def drawn(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@MODES
@pytest.mark.parametrize("backend", [None, Backend.TORCH, Backend.NATIVE])
@pytest.mark.parametrize(
    ("shape", "sizes"), [((2, 3, 40), (5, 2, 1)), ((2, 3, 13, 17), ((3, 4), None, (1, 2)))]
)
def test_values_and_gradients_are_those_of_torch(mode, backend, shape, sizes):
    x = drawn(*shape).requires_grad_()
    y = sliding_window_pool(x, *sizes, mode, backend=backend)
    expected = BY_TORCH[mode, len(shape) - 2](x, *sizes)
    assert_close(y, expected)
    cotangent = torch.randn_like(y)
    (got,), (wanted,) = (torch.autograd.grad(value, x, cotangent) for value in (y, expected))
    assert_close(got, wanted)


def test_of_equal_values_the_first_gets_the_gradient():
    x = torch.tensor([[[1.0, 3.0, 3.0, 2.0, 3.0]]], requires_grad=True)
    sliding_window_pool(x, 5, backend=Backend.NATIVE).sum().backward()
    assert x.grad.tolist() == [[[0.0, 1.0, 0.0, 0.0, 0.0]]]


@MODES
@pytest.mark.parametrize("shape", [(2, 2, 9), (1, 2, 5, 6)])
def test_first_and_second_derivatives_are_exact(mode, shape):
    def pool(x):
        return sliding_window_pool(x, 3, 2, 1, mode, backend=Backend.NATIVE)

    x = drawn(*shape).requires_grad_()
    assert gradcheck(pool, (x,))
    assert gradgradcheck(pool, (x,))


@MODES
def test_the_operator_keeps_the_rules_of_torch(mode):
    for x in (drawn(2, 3, 20).requires_grad_(), drawn(2, 3, 9, 8).requires_grad_()):
        settings = [3] * (x.ndim - 2) + [2] * (x.ndim - 2) + [1] * (x.ndim - 2)
        arguments = (x, settings, mode.value, "sliding_window", None, None, None)
        torch.library.opcheck(torch.ops.circulant.pooling.default, arguments)


def test_mapped_calls_agree_with_single_ones():
    x = drawn(4, 2, 3, 20)
    mapped = torch.func.vmap(lambda row: sliding_window_pool(row, 9, 1, 4, backend=Backend.NATIVE))(x)
    assert_close(mapped, torch.stack([F.max_pool1d(row, 9, 1, 4) for row in x]))


def test_compiled_code_takes_any_length_without_compiling_again():
    graphs = []

    def count(graph, _):
        graphs.append(graph)
        return graph.forward

    pool = torch.compile(
        lambda x: sliding_window_pool(x, 101, 1, 50, PoolMode.AVERAGE),
        backend=count, dynamic=True, fullgraph=True,
    )  # fmt: skip
    for length in (200, 333, 1024):
        x = drawn(1, 2, length)
        assert_close(pool(x), F.avg_pool1d(x, 101, 1, 50))
    assert len(graphs) == 1


def test_wide_windows_slide_and_torch_is_always_a_candidate():
    wide = PoolingProblem(torch.float32, PoolMode.MAX, 8, 64, (56, 56), (13, 13), (1, 1), (6, 6))
    plan = planner.plan(wide)
    assert str(plan.chosen) == "sliding_window on native"
    assert {str(c.implementation) for c in plan.candidates} == {"sliding_window on native", "direct on torch"}
    assert "max pooling of 8x64x56x56, kernel 13x13" in str(plan)
    small = PoolingProblem(torch.float32, PoolMode.MAX, 1, 4, (32,), (2,), (2,), (0,))
    assert planner.is_torch_library(planner.plan(small).chosen)


def test_torch_is_called_where_places_of_largest_values_will_be_asked_for():
    x = torch.randn(2, 4, 30, 30, requires_grad=True)
    assert "MaxPool" in sliding_window_pool(x, 13, 1, 6).grad_fn.name()
    before = core.load().call_count()
    with torch.no_grad():
        sliding_window_pool(x, 13, 1, 6, backend=Backend.NATIVE)
    assert core.load().call_count() == before + 1


@pytest.mark.parametrize(
    ("shape", "arguments", "error", "words"),
    [
        ((4, 9), (3,), ShapeError, r"\(B, C, L\)"),
        ((1, 1, 2, 3, 4), (3,), ShapeError, r"\(B, C, L\)"),
        ((1, 1, 9), (0,), ArgumentError, "kernel and stride of 1"),
        ((1, 1, 9), (3, 1, 2), ArgumentError, "padding from 0 to half"),
        ((1, 1, 9), (30,), ShapeError, "fits the padded input"),
        ((1, 1, 0), (1,), ShapeError, "at least 1 sample"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(shape, arguments, error, words):
    with pytest.raises(error, match=words):
        sliding_window_pool(torch.zeros(shape), *arguments)


def test_integers_are_refused_and_an_empty_batch_is_not():
    with pytest.raises(DtypeError, match="floating-point"):
        sliding_window_pool(torch.zeros(1, 1, 9, dtype=torch.int64), 3)
    assert sliding_window_pool(torch.zeros(0, 2, 9), 3, backend=Backend.NATIVE).shape == (0, 2, 3)
