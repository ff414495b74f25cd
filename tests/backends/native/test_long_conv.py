"""The native long convolution and its gradients against torch's direct convolution in float64."""

import pytest
import torch
import torch.nn.functional as F

from circulant.backends.native import long_conv
from circulant.core.errors import DtypeError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot

BOUNDARIES = pytest.mark.parametrize("circular", [False, True], ids=["zeros", "circular"])


def problem(length, kernel, shift=0, circular=False, batch=2, channels=2, dtype=torch.float32):
    return LongConvProblem(
        dtype=dtype,
        slot=Slot.OUTPUT,
        batch=batch,
        channels=channels,
        length=length,
        kernel=kernel,
        shift=shift,
        circular=circular,
    )


def operands(p):
    """Of magnitudes 0.5 to 1.5: a transform's error is relative to the rows, not to a tiny product."""

    def draw(*shape):
        sign = torch.randint(0, 2, shape, dtype=p.dtype) * 2 - 1
        return sign * (0.5 + torch.rand(shape, dtype=p.dtype))

    return draw(*p.input_shape), draw(p.channels, p.kernel), draw(*p.input_shape)


def solve_all(p, x, kernel, g):
    """Output, input gradient and kernel gradient."""
    together = long_conv.gradients(p, x, kernel, g)
    apart = long_conv.input_gradient(p, g, kernel), long_conv.kernel_gradient(p, x, g)
    assert all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(together, apart))
    return (
        long_conv.output(p, x, kernel),
        long_conv.input_gradient(p, g, kernel),
        long_conv.kernel_gradient(p, x, g),
    )


def reference(p, x, kernel, g):
    """The same three by a sliding window over a padded float64 copy and autograd."""
    x, kernel, g = x.double().requires_grad_(), kernel.double().requires_grad_(), g.double()
    if p.circular:
        padded = x[..., (torch.arange(p.length + p.kernel - 1) + p.shift - (p.kernel - 1)) % p.length]
    else:
        padded = F.pad(x, (p.kernel - 1 - p.shift, p.shift))
    windows = padded.unfold(-1, p.kernel, 1)
    y = torch.einsum("bclk,ck->bcl", windows, kernel.flip(-1))
    return (y.detach(), *torch.autograd.grad(y, (x, kernel), g))


def assert_all_close(p):
    given = operands(p)
    names = ("output", "input gradient", "kernel gradient")
    for name, got, expected in zip(names, solve_all(p, *given), reference(p, *given), strict=True):
        assert_close(got, expected, what=f"{name} of {p}")


def kernels_and_shifts(length, circular):
    for shift in sorted({0, (length - 1) // 2, length - 1}):
        longest = length if circular else length + shift
        for kernel in sorted({1, 2, (length + 1) // 2, length, longest}):
            if kernel <= longest:
                yield kernel, shift


@BOUNDARIES
@pytest.mark.parametrize("lengths", [range(1, 20), range(20, 44), range(44, 65)], ids=str)
def test_every_length_to_64_equals_the_direct_sum(isa, dtype, circular, lengths):
    for length in lengths:
        for kernel, shift in kernels_and_shifts(length, circular):
            assert_all_close(problem(length, kernel, shift, circular, dtype=dtype))


@BOUNDARIES
@pytest.mark.parametrize("length", [127, 251, 255, 256, 257, 509, 1023, 1024, 1025])
def test_primes_and_neighbours_of_powers_of_two_equal_the_direct_sum(isa, dtype, circular, length):
    for kernel, shift in kernels_and_shifts(length, circular):
        assert_all_close(problem(length, kernel, shift, circular, batch=1, dtype=dtype))


@BOUNDARIES
def test_transforms_larger_than_a_cache_equal_the_direct_sum(isa, dtype, circular):
    assert_all_close(problem(9973, 17, 5, circular, batch=1, channels=1, dtype=dtype))


def test_one_sample_of_a_long_kernel_moves_the_signal(isa, dtype):
    length, delay = 50_000, 49_000
    p = problem(length, length, batch=1, channels=1, dtype=dtype)
    x, kernel = torch.randn(1, 1, length, dtype=dtype), torch.zeros(1, length, dtype=dtype)
    kernel[0, delay] = 1
    expected = F.pad(x, (delay, 0))[..., :length]
    assert_close(long_conv.output(p, x, kernel), expected)


@pytest.mark.parametrize("length", [250, 2048])
def test_the_error_is_a_few_roundings(isa, dtype, length):
    p = problem(length, length, batch=2, channels=1, dtype=dtype)
    given = [(10 * tensor).round() for tensor in operands(p)]  # integers: the direct sum has no error
    for got, expected in zip(solve_all(p, *given), reference(p, *given), strict=True):
        error = (got.double() - expected).norm() / expected.norm()
        assert error < 4 * torch.finfo(dtype).eps


@BOUNDARIES
def test_every_element_of_the_result_is_written(isa, dtype, circular, nan_in_new_memory):
    for length in (1, 15, 16, 17, 100):
        p = problem(length, (length + 1) // 2, circular=circular, dtype=dtype)
        for result in solve_all(p, *operands(p)):
            assert result.isfinite().all()


def test_two_threads_give_the_same_bits_as_one(isa, dtype):
    p = problem(4099, 700, 3, batch=3, channels=5, dtype=dtype)
    given = operands(p)
    alone = solve_all(p, *given)
    torch.set_num_threads(2)
    for one, two in zip(alone, solve_all(p, *given), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_non_finite_sample_stays_in_its_row(isa, dtype, poison):
    p = problem(33, 33, batch=2, channels=3, dtype=dtype)
    x, kernel, g = operands(p)
    clean = solve_all(p, x, kernel, g)
    x[1, 2, 5] = g[1, 2, 7] = poison
    y, gx, gk = solve_all(p, x, kernel, g)
    for got, expected in ((y, clean[0]), (gx, clean[1])):
        assert not got[1, 2].isfinite().all()
        assert torch.equal(got[0], expected[0])
        assert torch.equal(got[1, :2], expected[1, :2])
    assert not gk[2].isfinite().all()
    assert torch.equal(gk[:2], clean[2][:2])


def test_strided_operands_are_read_as_they_look(dtype):
    p = problem(21, 9, 4, dtype=dtype)
    x, kernel, g = operands(p)
    strided = [tensor.mT.contiguous().mT for tensor in (x, kernel, g)]
    assert not any(tensor.is_contiguous() for tensor in strided)
    for got, expected in zip(solve_all(p, *strided), solve_all(p, x, kernel, g), strict=True):
        assert torch.equal(got, expected)


@pytest.mark.parametrize("slot", Slot)
def test_solve_picks_the_slot(slot):
    p = problem(21, 9, 4).for_slot(slot)
    x, kernel, g = operands(p)
    pair = {Slot.OUTPUT: (x, kernel), Slot.INPUT: (g, kernel), Slot.KERNEL: (x, g)}[slot]
    expected = dict(zip((Slot.OUTPUT, Slot.INPUT, Slot.KERNEL), reference(p, x, kernel, g), strict=True))
    assert_close(long_conv.solve(p, *pair), expected[slot])


def test_operands_that_the_problem_does_not_describe_are_refused():
    p = problem(21, 9)
    x, kernel, _ = operands(p)
    with pytest.raises(ShapeError, match=r"expected kernel \(2, 9\), got \(2, 8\)"):
        long_conv.output(p, x, kernel[:, :8])
    with pytest.raises(DtypeError, match=r"expected x of dtype torch\.float32, got torch\.float64"):
        long_conv.output(p, x.double(), kernel)
    with pytest.raises(DtypeError, match=r"expected one of float32, .*, got torch\.int32"):
        whole = problem(21, 9, dtype=torch.int32)
        long_conv.output(whole, x.int(), kernel.int())


def test_sizes_that_the_core_cannot_take_are_refused():
    p = problem(8, 20, 3)
    with pytest.raises(ValueError, match="expected at most 11 taps, got 20"):
        long_conv.output(p, torch.randn(2, 2, 8), torch.randn(2, 20))


@BOUNDARIES
@pytest.mark.parametrize("length", [1, 15, 16, 63, 100, 1025])
def test_gates_and_skip_are_part_of_the_same_pass(isa, dtype, circular, length):
    taps, shift = (length + 1) // 2, (length - 1) // 4
    p = problem(length, taps, shift, circular, dtype=dtype)
    x, kernel, gate_in = operands(p)
    gate_out, skip = torch.rand_like(x) + 0.5, torch.rand(p.channels, dtype=dtype) + 0.5
    z = gate_in.double() * x.double()
    convolved = reference(p, z, kernel, x)[0]
    expected = gate_out.double() * (convolved + skip.double()[:, None] * z)
    assert_close(long_conv.output(p, x, kernel, skip, gate_in, gate_out), expected)
    plain = reference(p, x, kernel, x)[0]
    assert_close(long_conv.output(p, x, kernel, skip), plain + skip[:, None] * x.double())
    assert_close(long_conv.output(p, x, kernel, gate_out=gate_out), gate_out * plain)


def test_a_plan_says_what_a_call_allocates():
    p = problem(1024, 1024)
    one = long_conv.workspace_byte(p, 1)
    assert long_conv.workspace_byte(p, 2) == 2 * one
    assert 2 * 8 * 1024 <= one <= 2 * 8 * 1024 * 1.1  # a complex float32 buffer each for kernel and row
