"""Long convolution in the interpreter: one tile, several tiles, gates, and the choice between them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.backends.triton.solved import assert_solves, operands_of, reference

from circulant.algorithms.monarch import linear_length
from circulant.algorithms.tiled_monarch import LARGEST, MOST_TILES, SMALLEST, TiledMonarchLongConv
from circulant.backends.triton import long_conv, long_conv_passes
from circulant.backends.triton.transform_layout import Layout, layout_of
from circulant.backends.triton.transform_tables import root_tables, tile_tables
from circulant.core.errors import ShapeError
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot

SLOTS = pytest.mark.parametrize("slot", Slot, ids=lambda slot: slot.value)


def problem(length, kernel, shift=0, circular=False, dtype=torch.float64, slot=Slot.OUTPUT, batch=2):
    return LongConvProblem(dtype, slot, batch, 2, length, kernel, shift, circular)


BOUNDARIES = {
    "one sample": {"length": 1, "kernel": 1},
    "causal": {"length": 300, "kernel": 300},
    "a short kernel": {"length": 100, "kernel": 7},
    "centred": {"length": 131, "kernel": 261, "shift": 130},
    "shifted to the end": {"length": 40, "kernel": 60, "shift": 39},
    "circular": {"length": 200, "kernel": 200, "circular": True},
    "circular, a short kernel": {"length": 63, "kernel": 5, "circular": True},
    "circular, one tap": {"length": 9, "kernel": 1, "circular": True},
}
THREE_TILES, TWO_WIDE_TILES = Layout(3, 16, 16), Layout(2, 16, 32)


@SLOTS
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_one_tile_equals_the_reference(boundary, slot):
    p = problem(**BOUNDARIES[boundary], slot=slot)
    assert layout_of(p).outer == 1
    assert_solves(long_conv.solve, p)


@SLOTS
@pytest.mark.parametrize("boundary", ["one sample", "centred", "circular"])
def test_several_tiles_equal_the_reference(boundary, slot):
    p = problem(**BOUNDARIES[boundary], slot=slot)
    assert_solves(lambda *solved: long_conv.solve(*solved, layout=THREE_TILES), p)


@SLOTS
@pytest.mark.parametrize("length", [700, 768])
def test_several_tiles_hold_as_many_samples_as_they_have_points_twice(length, slot):
    p = problem(length, 2 * THREE_TILES.points - length + 1, slot=slot, batch=1)
    assert linear_length(p) == 2 * THREE_TILES.points
    assert_solves(lambda *solved: long_conv.solve(*solved, layout=THREE_TILES), p)


@SLOTS
@pytest.mark.parametrize("layout", [None, TWO_WIDE_TILES], ids=["one tile", "two tiles"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_each_dtype_equals_the_reference(dtype, layout, slot):
    p = problem(90, 90, 30, dtype=dtype, slot=slot, batch=1)
    assert_solves(lambda *solved: long_conv.solve(*solved, layout=layout), p)


@pytest.mark.parametrize("layout", [None, THREE_TILES], ids=["one tile", "three tiles"])
@pytest.mark.parametrize("given_extras", ["skip", "gate_in", "gate_out", "skip gate_in gate_out"])
def test_gates_and_skip_are_applied_in_the_same_pass(given_extras, layout):
    p = problem(120, 50, shift=20)
    x, kernel = operands_of(p)
    skip = torch.randn(2, dtype=torch.float64) if "skip" in given_extras else None
    gate_in, gate_out = (
        torch.randn_like(x) if name in given_extras else None for name in ("gate_in", "gate_out")
    )
    got = long_conv.output(p, x, kernel, skip, gate_in, gate_out, layout=layout)
    z = x if gate_in is None else x * gate_in
    expected = reference(p, z, kernel) + (0 if skip is None else skip[:, None] * z)
    assert_close(got, expected if gate_out is None else expected * gate_out)


def test_gates_work_around_a_circular_row():
    p = problem(50, 50, circular=True)
    x, kernel = operands_of(p)
    gate_in, gate_out = torch.randn_like(x), torch.randn_like(x)
    got = long_conv.output(p, x, kernel, None, gate_in, gate_out)
    assert_close(got, reference(p, x * gate_in, kernel) * gate_out)


@SLOTS
def test_channels_taken_one_at_a_time_give_the_same(slot, monkeypatch):
    p = problem(100, 100, slot=slot)
    operands = operands_of(p)
    together = long_conv.solve(p, *operands, layout=THREE_TILES)
    monkeypatch.setattr(long_conv_passes, "WORKSPACE", 1)
    assert torch.equal(long_conv.solve(p, *operands, layout=THREE_TILES), together)


def test_a_kernel_gradient_adds_every_image_of_every_share(monkeypatch):
    p = problem(30, 30, slot=Slot.KERNEL, batch=5)
    monkeypatch.setattr(long_conv, "ENOUGH_PROGRAMS", 4)
    assert_solves(long_conv.solve, p)


def test_half_precision_does_not_overflow_in_the_transform():
    p = problem(300, 300, dtype=torch.float16)
    x, kernel = torch.full(p.input_shape, 500.0).half(), torch.full((2, 300), 0.25).half()
    assert_close(long_conv.solve(p, x, kernel), reference(p, x, kernel), RELATIVE[torch.float16])


def test_operands_that_the_problem_does_not_describe_are_refused():
    p = problem(21, 9)
    x, kernel = operands_of(p)
    with pytest.raises(ShapeError, match=r"expected kernel \(2, 9\), got \(2, 8\)"):
        long_conv.solve(p, x, kernel[:, :8])
    with pytest.raises(ShapeError, match=r"expected skip \(2,\), got \(3,\)"):
        long_conv.output(p, x, kernel, torch.ones(3, dtype=torch.float64))


@given(st.integers(1, 1 << 24), st.sampled_from(list(LARGEST)), st.booleans())
def test_a_layout_has_room_and_wastes_less_than_half_or_less_than_a_tile(length, dtype, circular):
    p = problem(length, length, circular=circular, dtype=dtype)
    points = -(-linear_length(p) // 2)
    layout = layout_of(p)
    assert (TiledMonarchLongConv().rejects(p) is None) == (layout.outer <= MOST_TILES)
    assert layout.points >= points
    assert layout.inner <= LARGEST[dtype]
    assert layout.columns in (layout.rows, 2 * layout.rows)
    if layout.outer == 1:
        assert layout.inner < 2 * max(points, SMALLEST)
    else:
        assert layout.points - points < layout.inner == LARGEST[dtype]


def test_the_tables_of_a_tile_transform_at_the_roots_of_i():
    """The three tables, multiplied out, against the values of z^N = i written down."""
    layout = Layout(1, 16, 32)
    tables = tile_tables(layout, torch.float64, torch.device("cpu"))
    parts = tables.split([2 * 16 * 16, 2 * 16 * 32, 2 * 32 * 32])
    shapes = ((2, 16, 16), (2, 16, 32), (2, 32, 32))
    first, twiddle, second = (torch.complex(*part.view(shape)) for part, shape in zip(parts, shapes))
    z = torch.randn(16, 32, dtype=torch.complex128)
    got = ((first @ z) * twiddle) @ second
    k = torch.arange(16)[:, None] + 16 * torch.arange(32)
    n = torch.arange(512)
    roots = torch.exp(1j * torch.pi / 1024 * ((1 - 4 * k[..., None]) * n).double())
    assert_close(torch.view_as_real(got), torch.view_as_real(roots @ z.flatten()))


def test_roots_far_along_the_circle_are_as_exact_as_their_dtype():
    layout = Layout(3001, 32, 32)
    roots = root_tables(layout, torch.float32, torch.device("cpu"))
    power = torch.arange(0, 4 * layout.points, 997)
    coarse, fine = (torch.complex(*part.double()) for part in (roots.coarse, roots.fine))
    got = coarse[power // roots.step] * fine[power % roots.step]
    exact = torch.exp(-0.5j * torch.pi * power.double() / layout.points)
    assert (got - exact).abs().max() < 2.5e-7
