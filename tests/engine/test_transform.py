"""The door to Fourier transforms against numpy, its derivatives, and the checks of torch."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.utils.flop_counter import FlopCounterMode

from circulant.algorithms.algorithm import AlgorithmName
from circulant.core.cost import rfft_flop
from circulant.core.errors import DtypeError, NoPlanError, ShapeError
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.engine.choice import use
from circulant.engine.transform import fft, fftn, ifftn, irfft, irfftn, rfft, rfftn, transform
from circulant.problems.transform import TransformKind, TransformProblem

LENGTHS = [1, 2, 3, 4, 5, 8, 13, 60, 97, 256]
BOTH = [AlgorithmName.FFT, AlgorithmName.DFT_MATRIX]


def drawn(*shape, dtype=torch.float64):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).to(dtype)


def as_pairs(spectrum):
    return torch.view_as_real(torch.from_numpy(np.ascontiguousarray(spectrum)))


def as_complex(pairs):
    return torch.view_as_complex(pairs.contiguous()).numpy()


@pytest.mark.parametrize("algorithm", BOTH, ids=lambda name: name.value)
@pytest.mark.parametrize("n", LENGTHS)
def test_each_transform_equals_numpy(n, algorithm):
    x, z = drawn(2, 3, n), drawn(2, n, 2)
    with use(algorithm=algorithm):
        assert_close(rfft(x), as_pairs(np.fft.rfft(x.numpy())))
        assert_close(fft(z), as_pairs(np.fft.fft(as_complex(z))))
        assert_close(transform(z, TransformKind.FFT_ADJOINT, (n,)), as_pairs(n * np.fft.ifft(as_complex(z))))
        assert_close(irfft(rfft(x), n), x)
        half = drawn(2, n // 2 + 1, 2)
        assert_close(irfft(half, n), torch.from_numpy(np.fft.irfft(as_complex(half), n)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("algorithm", BOTH, ids=lambda name: name.value)
def test_other_precisions_are_kept_and_close(algorithm, dtype):
    x = drawn(3, 100, dtype=dtype)
    with use(algorithm=algorithm):
        spectrum = rfft(x)
        back = irfft(spectrum, 100)
    assert spectrum.dtype == back.dtype == dtype
    assert_close(spectrum, as_pairs(np.fft.rfft(x.double().numpy())), RELATIVE[dtype])
    assert_close(back, x.double(), RELATIVE[dtype])


@pytest.mark.parametrize("algorithm", BOTH, ids=lambda name: name.value)
@pytest.mark.parametrize("n", [1, 4, 5])
def test_derivatives_agree_with_finite_differences(n, algorithm):
    with use(algorithm=algorithm):
        for function, x in (
            (rfft, drawn(2, n)),
            (fft, drawn(2, n, 2)),
            (lambda s: irfft(s, n), drawn(n // 2 + 1, 2)),
        ):
            assert gradcheck(function, (x.requires_grad_(),))
            assert gradgradcheck(lambda s, f=function: f(s).square(), (x,))


@pytest.mark.parametrize("kind", list(TransformKind), ids=lambda kind: kind.value)
@pytest.mark.parametrize("sizes", [(6,), (3, 4)], ids=str)
def test_the_registered_operator_passes_the_checks_of_torch(kind, sizes):
    (shape,) = TransformProblem(torch.float64, kind, 3, sizes).operand_shapes
    for requires_grad in (False, True):
        x = drawn(*shape).requires_grad_(requires_grad)
        torch.library.opcheck(torch.ops.circulant.transform.default, (x, kind.value, sizes, False, None))


def test_memory_layout_and_leading_axes_do_not_matter():
    x = drawn(4, 2, 6)
    strided = x.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    assert_close(rfft(strided), rfft(x))
    assert rfft(drawn(6)).shape == (4, 2)
    assert rfft(drawn(2, 0, 6)).shape == (2, 0, 4, 2)


def test_vmap_and_compiled_code_give_the_same():
    x = drawn(3, 5, 8)
    assert_close(torch.vmap(rfft, in_dims=1, out_dims=1)(x), rfft(x))
    torch._dynamo.reset()
    compiled = torch.compile(
        lambda v: irfft(rfft(v), v.shape[-1]), fullgraph=True, backend="aot_eager", dynamic=True
    )
    for n in (8, 15):
        assert_close(compiled(drawn(2, n)), drawn(2, n))


def test_work_is_counted_as_of_fast_transforms_whatever_runs():
    for algorithm in BOTH:
        with use(algorithm=algorithm), FlopCounterMode(display=False) as counter:
            rfft(drawn(6, 64))
            fft(drawn(3, 64, 2))
        assert counter.get_total_flops() == 6 * rfft_flop(64) + 3 * 2 * rfft_flop(64)


def test_bad_inputs_are_refused():
    with pytest.raises(DtypeError, match=r"got torch.complex64"):
        rfft(torch.zeros(4, dtype=torch.complex64))
    with pytest.raises(ShapeError, match=r"expected x \(..., 5, 2\), got \(2, 4, 2\)"):
        irfft(torch.zeros(2, 4, 2), 8)
    with pytest.raises(ShapeError, match=r"expected x \(..., 4, 2\)"):
        fft(torch.zeros(2, 4, 3))
    with use(algorithm=AlgorithmName.DFT_MATRIX), pytest.raises(NoPlanError, match="matrices up to n = 4096"):
        rfft(torch.zeros(1, 4097))


@pytest.mark.parametrize("algorithm", BOTH, ids=lambda name: name.value)
@pytest.mark.parametrize(
    "sizes", [(5,), (4, 6), (3, 5), (2, 3, 4), (1, 1, 7), (4, 2, 1), (2, 3, 2, 4)], ids=str
)
def test_transforms_over_several_axes_equal_numpy_and_come_back(sizes, algorithm):
    axes = tuple(range(1, 1 + len(sizes)))
    x, z = drawn(2, *sizes), drawn(2, *sizes, 2)
    with use(algorithm=algorithm):
        assert_close(rfftn(x, len(sizes)), as_pairs(np.fft.rfftn(x.numpy(), axes=axes)))
        assert_close(fftn(z, len(sizes)), as_pairs(np.fft.fftn(as_complex(z), axes=axes)))
        assert_close(irfftn(rfftn(x, len(sizes)), sizes), x)
        assert_close(ifftn(fftn(z, len(sizes)), len(sizes)), z)


@pytest.mark.parametrize("algorithm", BOTH, ids=lambda name: name.value)
@pytest.mark.parametrize("sizes", [(3, 4), (2, 5), (2, 3, 4)], ids=str)
def test_derivatives_over_several_axes_agree_with_finite_differences(sizes, algorithm):
    ndim, bins = len(sizes), TransformKind.RFFT.bins(sizes)
    with use(algorithm=algorithm):
        for function, x in (
            (lambda v: rfftn(v, ndim), drawn(*sizes)),
            (lambda v: fftn(v, ndim), drawn(*sizes, 2)),
            (lambda v: irfftn(v, sizes), drawn(*bins, 2)),
        ):
            assert gradcheck(function, (x.requires_grad_(),))
            assert gradgradcheck(lambda s, f=function: f(s).square(), (x,))


@pytest.mark.parametrize("sizes", [(4, 6), (3, 5), (2, 3, 4)], ids=str)
def test_a_half_spectrum_without_the_symmetry_of_a_real_one_is_read_as_numpy_reads_it(sizes):
    half = drawn(2, *TransformKind.RFFT.bins(sizes), 2)
    expected = np.fft.irfftn(as_complex(half), sizes, axes=tuple(range(1, 1 + len(sizes))))
    for algorithm in BOTH:
        with use(algorithm=algorithm):
            assert_close(irfftn(half, sizes), torch.from_numpy(expected))


def test_several_axes_are_one_transform_whose_work_is_counted_axis_by_axis():
    with FlopCounterMode(display=False) as counter:
        rfftn(drawn(3, 8, 16), 2)
    assert counter.get_total_flops() == 3 * (8 * rfft_flop(16) + 9 * 2 * rfft_flop(8))
    assert list(counter.get_flop_counts()["Global"]) == [torch.ops.circulant.transform]


def test_the_number_of_axes_must_fit():
    with pytest.raises(ShapeError, match=r"expected x with 3 axes to transform"):
        rfftn(torch.zeros(2, 4), 3)
    with pytest.raises(ShapeError, match=r"2 axes to transform and one of pairs"):
        fftn(torch.zeros(4, 2), 2)
