"""A row in blocks gives what the row in one transform gives: the sum itself."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.backends.native.test_long_conv import BOUNDARIES, operands, problem, reference

from circulant.algorithms.overlap_save import FusedOverlapSaveLongConv, cached_block
from circulant.backends.native import long_conv, overlap_save
from circulant.core.tolerances import assert_close
from circulant.problems.trilinear import Slot

SIZES = [(65, 2, 0, 32), (100, 16, 7, 64), (509, 100, 99, 200), (1000, 3, 40, 64), (2000, 31, 15, 1999)]


def solve_all(p, x, kernel, g, block):
    apart = (
        long_conv.solve(p.for_slot(Slot.INPUT), g, kernel, block=block),
        long_conv.solve(p.for_slot(Slot.KERNEL), x, g, block=block),
    )
    together = long_conv.gradients(p, x, kernel, g, block=block)
    assert all(torch.equal(a, b) for a, b in zip(together, apart, strict=True))
    return (long_conv.solve(p, x, kernel, block=block), *apart)


@BOUNDARIES
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_blocks_equal_the_direct_sum(isa, dtype, circular, sizes):
    length, kernel, shift, block = sizes
    p = problem(length, kernel, shift, circular, dtype=dtype)
    ours = operands(p)
    for got, expected in zip(solve_all(p, *ours, block), reference(p, *ours), strict=True):
        assert_close(got, expected)


@given(st.data())
def test_any_block_equals_the_direct_sum(data):
    length = data.draw(st.integers(2, 300))
    kernel = data.draw(st.integers(1, (length - 1) // 2 or 1))
    shift, circular = data.draw(st.integers(0, length - 1)), data.draw(st.booleans())
    block = data.draw(st.integers(2 * kernel, max(length - 1, 2 * kernel)))
    if block >= length:
        return
    p = problem(length, kernel, shift, circular, batch=1)
    ours = operands(p)
    for got, expected in zip(solve_all(p, *ours, block), reference(p, *ours), strict=True):
        assert_close(got, expected)


@BOUNDARIES
def test_gates_and_skip_are_part_of_the_same_pass(isa, dtype, circular):
    p = problem(1500, 9, 4, circular, dtype=dtype)
    x, kernel, gate_in = operands(p)
    gate_out, skip = torch.rand_like(x) + 0.5, torch.rand(p.channels, dtype=dtype) + 0.5
    z = gate_in.double() * x.double()
    expected = gate_out.double() * (reference(p, z, kernel, x)[0] + skip.double()[:, None] * z)
    assert_close(overlap_save.output(p, x, kernel, skip, gate_in, gate_out), expected)


def test_two_threads_share_the_blocks_of_one_row_and_give_the_same_bits(isa):
    p = problem(200_000, 50, 3, batch=1, channels=1)
    run = partial(solve_all, p, *operands(p), 4096)
    alone = run()
    torch.set_num_threads(2)
    assert all(torch.equal(a, b) for a, b in zip(alone, run(), strict=True))


def test_a_non_finite_sample_stays_in_its_blocks():
    p = problem(10_000, 20, batch=1, channels=1)
    x, kernel, _ = operands(p)
    x[0, 0, 5000] = float("nan")
    y = long_conv.output(p, x, kernel, block=1024)
    assert y[0, 0, :3000].isfinite().all()
    assert y[0, 0, 7000:].isfinite().all()
    assert y[0, 0, 5000:5020].isnan().all()


def test_the_workspace_does_not_grow_with_the_row():
    rows = [problem(length, 100) for length in (10_000, 1_000_000)]
    small, large = (long_conv.workspace_byte(p, 1, block=cached_block(100)) for p in rows)
    assert small == large < 300_000


@pytest.mark.parametrize("taps, block", [(1, 512), (128, 2048), (2048, 32768), (32768, 65536), (32769, 0)])
def test_a_block_is_the_cheapest_that_stays_in_cache(taps, block):
    assert cached_block(taps) == block


def test_the_algorithm_refuses_what_it_cannot_cut():
    algorithm = FusedOverlapSaveLongConv()
    assert "are not enough" in algorithm.rejects(problem(1 << 20, 40_000)).reason
    assert "holds the row" in algorithm.rejects(problem(500, 3)).reason
    assert algorithm.rejects(problem(5000, 3)) is None


@pytest.mark.parametrize("block", [19, 100, 101])
def test_blocks_that_the_core_cannot_take_are_refused(block):
    p = problem(100, 10)
    with pytest.raises(ValueError, match="expected a block of at least twice the taps 10 and below"):
        long_conv.output(p, torch.randn(2, 2, 100), torch.randn(2, 10), block=block)
