"""Half precision is only how numbers are stored: widened exactly, computed in float32, rounded once."""

import pytest
import torch

from circulant.backends.native import depthwise_conv, long_conv
from circulant.core.tolerances import assert_close
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import OPERANDS, Slot

HALF = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)


def every_number(dtype):
    """All 65,536 patterns of bits, as a row."""
    return torch.arange(-(2**15), 2**15).to(torch.int16).view(dtype).view(1, 1, -1)


def times(x, factor):
    """x times a factor, by a kernel of one tap."""
    p = ConvolutionProblem(
        x.dtype, Slot.OUTPUT, 1, 1, 1, (x.shape[-1],), (1,), (1,), ((0, 0),), (1,), 1
    )  # fmt: skip
    return depthwise_conv.output(p, x, factor.view(1, 1, 1))


@HALF
@pytest.mark.parametrize("start", [0, 1, 5])
def test_every_number_passes_unchanged(isa, dtype, start):
    x = every_number(dtype)[..., start:]
    y = times(x, torch.ones(1, dtype=dtype))
    is_number = ~x.isnan()
    assert torch.equal(y[is_number], x[is_number])
    assert y[~is_number].isnan().all()


@HALF
@pytest.mark.parametrize("factor", [1 / 3, 1.75, -(2.0**-9)])
def test_results_are_rounded_to_nearest_even_as_torch_rounds(isa, dtype, factor):
    x, weight = every_number(dtype), torch.tensor(factor).to(dtype)
    expected = (x.float() * weight.float()).to(dtype)
    is_number = ~x.isnan()
    assert torch.equal(times(x, weight)[is_number], expected[is_number])


@HALF
@pytest.mark.parametrize("slot", Slot)
@pytest.mark.parametrize("length", [7, 64, 1000])
def test_long_convolutions_are_those_of_float32_rounded_once(isa, dtype, slot, length):
    p = LongConvProblem(dtype, slot, 2, 3, length, length // 2 + 1, 2, False)
    first, second = (torch.randn(shape).to(dtype) for shape in p.operand_shapes)
    wide = LongConvProblem(torch.float32, slot, 2, 3, length, length // 2 + 1, 2, False)
    expected = long_conv.solve(wide, first.float(), second.float()).to(dtype)
    assert torch.equal(long_conv.solve(p, first, second), expected)


@HALF
@pytest.mark.parametrize("slot", Slot)
@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_convolutions_are_close_to_those_of_float32(isa, dtype, slot, stride):
    p = ConvolutionProblem(
        dtype, slot, 2, 3, 6, (9, 21), (3, 5), (stride, 1), ((1, 0), (2, 2)), (1, 2), 3
    )  # fmt: skip
    shapes = [p.slot_shapes[operand] for operand in OPERANDS[slot]]
    first, second = (torch.randn(shape).to(dtype) for shape in shapes)
    wide = ConvolutionProblem(
        torch.float64, slot, 2, 3, 6, (9, 21), (3, 5), (stride, 1), ((1, 0), (2, 2)), (1, 2), 3
    )  # fmt: skip
    exact = depthwise_conv.solve(wide, first.double(), second.double())
    assert_close(depthwise_conv.solve(p, first, second), exact)
