"""The fused residual block against its layers, and the bytes that it moves."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circulant.algorithms.block_fusion import BlockFusion, between_byte, fused_byte, layered_byte
from circulant.backends.native import core, fused_block
from circulant.backends.torch import conv_first_block as layers
from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close, relative_error
from circulant.problems.conv_first_block import BlockActivation, ConvFirstBlockProblem, reference

ACTIVATIONS = pytest.mark.parametrize("activation", BlockActivation, ids=lambda a: a.value)


def problem(
    channels,
    spatial,
    groups=1,
    expansion=4,
    kernel=3,
    activation=BlockActivation.SILU,
    dtype=torch.float32,
    batch=2,
):
    return ConvFirstBlockProblem(
        dtype, activation, batch, channels, spatial, kernel, groups, channels * expansion
    )


def operands(p):
    """Scaled so that every layer keeps the size of its numbers."""
    generator = torch.Generator().manual_seed(0)
    drawn = [torch.randn(shape, dtype=torch.float64, generator=generator) for shape in p.operand_shapes]
    scaled = [t / max(t[0].numel(), 1) ** 0.5 if t.ndim == 4 and i else t for i, t in enumerate(drawn)]
    return [t.to(p.dtype) for t in scaled]


GEOMETRIES = {
    "one pixel": {"channels": 1, "spatial": (1, 1)},
    "one tile": {"channels": 16, "spatial": (7, 7), "groups": 2},
    "bands of rows": {"channels": 24, "spatial": (40, 30), "groups": 3},
    "ragged pieces of rows": {"channels": 6, "spatial": (11, 3001), "groups": 2, "expansion": 1, "batch": 1},
    "many channels": {"channels": 320, "spatial": (9, 14), "groups": 40, "expansion": 2, "batch": 1},
    "wide kernel": {"channels": 4, "spatial": (23, 19), "groups": 4, "kernel": 7},
}


@ACTIVATIONS
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_fused_block_equals_its_layers_in_float64(isa, dtype, activation, geometry, nan_in_new_memory):
    p = problem(**GEOMETRIES[geometry], activation=activation, dtype=dtype)
    values = operands(p)
    expected = layers.direct(p, *(value.double() for value in values))
    assert_close(fused_block.solve(p, *values), expected, 1e-11 if dtype is torch.float64 else 1e-5)


@st.composite
def problems(draw):
    groups = draw(st.integers(1, 4))
    return problem(
        groups * draw(st.integers(1, 5)), (draw(st.integers(1, 20)), draw(st.integers(1, 40))), groups,
        draw(st.integers(1, 3)), draw(st.sampled_from([1, 3, 5])), draw(st.sampled_from(BlockActivation)),
        torch.float64, draw(st.integers(1, 2)),
    )  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problems())
def test_drawn_blocks_equal_the_definition(isa, p):
    values = operands(p)
    assert_close(fused_block.solve(p, *values), reference(p, *values), 1e-11)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_rounded_once(isa, dtype):
    p = problem(16, (20, 21), 2, dtype=dtype)
    values = operands(p)
    exact = layers.direct(p, *(value.double() for value in values))
    bound = {torch.float16: 2**-11, torch.bfloat16: 2**-8}[dtype]
    error = (fused_block.solve(p, *values).double() - exact).abs()
    assert (error <= 1.01 * bound * exact.abs() + 1e-5).all()


@ACTIVATIONS
def test_what_is_not_finite_reaches_its_neighbours_only(isa, activation):
    p = problem(4, (9, 40), 2, activation=activation)
    values = operands(p)
    values[0][0, 1, 4, 20] = float("nan")
    y = fused_block.solve(p, *values)
    assert y[0, :, 3:6, 19:22].isnan().all()
    assert y.isnan().sum() == 4 * 9


def test_silu_is_exact_far_from_zero_too():
    p = problem(1, (1, 4001), expansion=1, kernel=1, dtype=torch.float64, batch=1)
    x = torch.linspace(-1000, 1000, 4001, dtype=torch.float64).view(1, 1, 1, -1)
    one, none = torch.ones(1, 1, 1, 1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    y = fused_block.solve(p, x, one, none, one, none, one, none) - x
    expected = torch.nn.functional.silu(x)
    assert ((y - expected).abs() <= 1e-13 * (1 + x.abs())).all()


def test_results_do_not_depend_on_the_number_of_threads():
    p = problem(32, (40, 30), 4)
    values = operands(p)
    alone = fused_block.solve(p, *values)
    torch.set_num_threads(2)
    assert torch.equal(fused_block.solve(p, *values), alone)


def counted_bytes(p):
    """Every number that a tile reads or writes, tile by tile; weights once."""
    tile, side = BlockFusion().tile(p), p.kernel // 2
    H, W = p.spatial
    numbers = sum(torch.Size(shape).numel() for shape in p.weight_shapes)
    for i in range(0, H, tile.rows):
        for j in range(0, W, tile.columns):
            wanted, written = torch.zeros(H, W), torch.zeros(H, W)
            last = i + tile.rows + side, j + tile.columns + side
            wanted[max(i - side, 0) : last[0], max(j - side, 0) : last[1]] = 1
            written[i : i + tile.rows, j : j + tile.columns] = 1
            numbers += p.batch * p.channels * int(wanted.sum() + written.sum())
    return numbers * p.dtype.itemsize


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_bytes_moved_are_input_output_weights_and_the_borders_of_tiles(geometry):
    p = problem(**GEOMETRIES[geometry])
    tile, work = BlockFusion().tile(p), BlockFusion().work(p)
    assert work.byte == fused_byte(p, tile) == counted_bytes(p)
    assert work.byte >= p.io_byte
    if (tile.rows, tile.columns) == p.spatial:
        assert work.byte == p.io_byte


@pytest.mark.parametrize(
    ("batch", "channels", "pixels", "width"), [(1, 96, 56, 8), (1, 192, 28, 16), (8, 96, 56, 8)]
)
def test_fusion_moves_a_small_part_of_what_the_layers_move(batch, channels, pixels, width):
    p = problem(channels, (pixels, pixels), channels // width, batch=batch)
    work = BlockFusion().work(p)
    assert work.byte < 1.5 * p.io_byte
    assert layered_byte(p) > 5 * work.byte
    assert work.workspace(1) < between_byte(p) / 4 or batch == 1
    assert work.workspace(1) < 1 << 20


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16], ids=str)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_workspace_of_the_plan_is_the_one_that_is_allocated(geometry, dtype):
    p, module = problem(**GEOMETRIES[geometry], dtype=dtype), core.load()
    scalar = getattr(module.Scalar, str(dtype).removeprefix("torch."))
    assert BlockFusion().work(p).workspace(1) == module.fused_block_workspace(fused_block.sizes(p), scalar)


def test_rounding_errors_are_within_what_the_plan_expects():
    p = problem(64, (30, 30), 8)
    values = operands(p)
    exact = layers.direct(p, *(value.double() for value in values))
    assert relative_error(fused_block.solve(p, *values), exact) <= BlockFusion().work(p).error(torch.float32)


def test_operands_of_other_shapes_are_refused():
    p = problem(8, (5, 5))
    values = operands(p)
    with pytest.raises(ShapeError, match="expected project"):
        fused_block.solve(p, *values[:5], values[5][:4], values[6])
