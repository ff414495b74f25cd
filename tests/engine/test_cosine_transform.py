"""The door to cosine transforms against scipy, its derivatives, and the checks of torch."""

import pytest
import scipy.fft
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.utils.flop_counter import FlopCounterMode

from circulant.algorithms.algorithm import AlgorithmName
from circulant.core.cost import rfft_flop
from circulant.core.errors import DtypeError, ShapeError
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.engine.choice import use
from circulant.engine.cosine_transform import dct, idct

BOTH = [AlgorithmName.FFT, AlgorithmName.DFT_MATRIX]
SIZES = [(1,), (2,), (3,), (4,), (7,), (60,), (97,), (256,), (4, 6), (5, 3), (1, 8), (2, 3, 4)]


def drawn(*shape, dtype=torch.float64):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).to(dtype)


@pytest.mark.parametrize("algorithm", BOTH, ids=lambda name: name.value)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_transform_equals_scipys_and_comes_back(sizes, algorithm):
    x, axes = drawn(2, 3, *sizes), tuple(range(2, 2 + len(sizes)))
    with use(algorithm=algorithm):
        coefficients = dct(x, len(sizes))
        expected = scipy.fft.dctn(x.numpy(), type=2, norm="ortho", axes=axes)
        assert_close(coefficients, torch.from_numpy(expected))
        assert_close(idct(coefficients, len(sizes)), x)
        inverse = scipy.fft.idctn(x.numpy(), type=2, norm="ortho", axes=axes)
        assert_close(idct(x, len(sizes)), torch.from_numpy(inverse))


@pytest.mark.parametrize("n", [2, 9, 100])
def test_the_transform_keeps_scalar_products(n):
    x, y = drawn(n), drawn(2, n)[1]
    assert_close(dct(x) @ dct(y), x @ y)


@pytest.mark.parametrize("algorithm", BOTH, ids=lambda name: name.value)
@pytest.mark.parametrize("sizes", [(1,), (4,), (5,), (3, 4)], ids=str)
def test_derivatives_agree_with_finite_differences(sizes, algorithm):
    x = drawn(*sizes).requires_grad_()
    with use(algorithm=algorithm):
        for function in (dct, idct):
            assert gradcheck(lambda v, f=function: f(v, len(sizes)), (x,))
            assert gradgradcheck(lambda v, f=function: f(v, len(sizes)).square(), (x,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("algorithm", BOTH, ids=lambda name: name.value)
def test_other_precisions_are_kept_and_close(algorithm, dtype):
    x = drawn(3, 100, dtype=dtype)
    with use(algorithm=algorithm):
        coefficients = dct(x)
    assert coefficients.dtype == dtype
    expected = scipy.fft.dct(x.double().numpy(), norm="ortho")
    assert_close(coefficients, torch.from_numpy(expected), RELATIVE[dtype])


def test_vmap_and_compiled_code_give_the_same():
    x = drawn(3, 5, 8)
    assert_close(torch.vmap(dct, in_dims=1, out_dims=1)(x), dct(x))
    torch._dynamo.reset()
    compiled = torch.compile(lambda v: idct(dct(v, 2), 2), fullgraph=True, backend="aot_eager", dynamic=True)
    for n in (8, 15):
        assert_close(compiled(drawn(2, n, 6)), drawn(2, n, 6))


def test_work_is_that_of_a_real_fourier_transform():
    with FlopCounterMode(display=False) as counter:
        dct(drawn(3, 8, 16), 2)
    assert counter.get_total_flops() == 3 * (16 * rfft_flop(8) + 8 * rfft_flop(16))


def test_strided_and_empty_inputs_are_taken_and_bad_ones_refused():
    x = drawn(4, 2, 6)
    assert_close(dct(x.permute(2, 0, 1).contiguous().permute(1, 2, 0)), dct(x))
    assert dct(drawn(2, 0, 6)).shape == (2, 0, 6)
    with pytest.raises(DtypeError, match="floating-point"):
        dct(torch.zeros(4, dtype=torch.int64))
    with pytest.raises(ShapeError, match="2 axes to transform"):
        dct(torch.zeros(4), 2)
