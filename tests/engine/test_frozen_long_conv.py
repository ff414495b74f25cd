"""A kernel that does not change gives what it gives anew in every call, without being transformed again."""

import pytest
import torch

from circulant.algorithms.algorithm import AlgorithmName
from circulant.backends.native import long_conv as native
from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine.choice import Backend, Choice
from circulant.engine.frozen_long_conv import FrozenLongConv
from circulant.engine.long_conv import LongBoundary, long_conv

BY_FFT = Choice(AlgorithmName.FFT, Backend.NATIVE)
IN_BLOCKS = Choice(AlgorithmName.OVERLAP_SAVE, Backend.NATIVE)


def operands(length, taps, dtype=torch.float32):
    x, gate_in, gate_out = torch.randn(3, 2, 3, length).to(dtype)
    return x, torch.randn(3, taps).to(dtype), torch.randn(3).to(dtype), gate_in, gate_out


@pytest.mark.parametrize("boundary", LongBoundary)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16], ids=str)
def test_it_gives_the_same_bits_as_the_call_that_transforms_the_kernel(boundary, dtype):
    x, kernel, skip, gate_in, gate_out = operands(200, 77, dtype)
    frozen = FrozenLongConv(kernel, skip=skip, boundary=boundary, choice=BY_FFT)
    expected = long_conv(
        x, kernel, skip=skip, gate_in=gate_in, gate_out=gate_out, boundary=boundary, choice=BY_FFT
    )
    assert torch.equal(frozen(x, gate_in, gate_out), expected)
    assert torch.equal(frozen(x, gate_in, gate_out), expected)  # from what it remembers


def test_rows_in_blocks_have_spectra_too():
    x, kernel, skip, gate_in, gate_out = operands(5000, 20)
    frozen = FrozenLongConv(kernel, skip=skip, choice=IN_BLOCKS)
    expected = long_conv(x, kernel, skip=skip, gate_in=gate_in, gate_out=gate_out, choice=IN_BLOCKS)
    assert torch.equal(frozen(x, gate_in, gate_out), expected)


def test_the_kernel_is_transformed_once_for_each_shape():
    module = native.core.load()
    x, kernel, *_ = operands(4096, 4096)
    frozen = FrozenLongConv(kernel, choice=BY_FFT)
    before = module.call_count()
    frozen(x)
    first = module.call_count() - before
    frozen(x)
    assert (first, module.call_count() - before) == (2, 3)  # spectra and output, then output alone
    frozen(x[..., :1000])
    assert module.call_count() - before == 5


@pytest.mark.parametrize("choice", [Choice(backend=Backend.TORCH), Choice(AlgorithmName.DIRECT)], ids=str)
def test_without_spectra_it_is_the_convolution_itself(choice):
    x, kernel, skip, *_ = operands(64, 9)
    expected = long_conv(x, kernel, skip=skip, choice=choice)
    assert torch.equal(FrozenLongConv(kernel, skip=skip, choice=choice)(x), expected)


def test_later_changes_of_the_kernel_do_not_matter():
    x, kernel, *_ = operands(300, 300)
    expected = long_conv(x, kernel)
    frozen = FrozenLongConv(kernel)
    kernel.zero_()
    assert_close(frozen(x), expected)


def test_an_empty_batch_gives_an_empty_result():
    assert FrozenLongConv(torch.randn(3, 5))(torch.empty(0, 3, 7)).shape == (0, 3, 7)


def test_bad_operands_are_refused():
    frozen = FrozenLongConv(torch.randn(3, 5))
    with pytest.raises(ShapeError, match=r"expected x \(B, C, L\)"):
        frozen(torch.randn(2, 4, 7))
    with pytest.raises(DtypeError):
        frozen(torch.randn(2, 3, 7).double())
    with pytest.raises(ArgumentError, match="expected x to need no gradient"):
        frozen(torch.randn(2, 3, 7, requires_grad=True))


def test_spectra_of_another_problem_are_refused():
    x, kernel, *_ = operands(64, 64)
    problem = FrozenLongConv(kernel)._problem(tuple(x.shape))
    with pytest.raises(ShapeError, match="expected spectra"):
        native.output(problem, x, None, spectra=torch.zeros(3, 7))
