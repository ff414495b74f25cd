"""One linear system in all its forms: differential equation, recurrence, convolution, chunks with a state."""

import numpy as np
import pytest
import torch
from scipy.signal import cont2discrete

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.engine.choice import use
from circulant.engine.exponential_sums import exponential_sums
from circulant.functional import AlgorithmName
from circulant.operators.sequence.diagonal_ssm import DiagonalSsm
from circulant.operators.sequence.discretisation import Discretisation


def built(*args, **kwargs):
    torch.manual_seed(0)
    return DiagonalSsm(*args, dtype=torch.float64, **kwargs)


def by_steps(module, x):
    """The recurrence in complex numbers, from matrices that scipy made of the differential equation."""
    rule = {"zero-order hold": "zoh", "bilinear": "bilinear"}[module.discretisation.value]
    y = module.skip.detach()[:, None] * x
    for c in range(module.channels):
        dt, h = module.log_step[c].exp().item(), np.zeros((x.shape[0], module.states // 2), dtype=complex)
        A = -module.log_decay[c].exp().detach().numpy() + 1j * module.frequency[c].detach().numpy()
        B, C = (
            torch.view_as_complex(w[c].detach()).numpy() for w in (module.input_weight, module.output_weight)
        )
        parts = np.diag(A), B[:, None], C[None], np.zeros((1, 1))
        a, b, *_ = cont2discrete(parts, dt, rule)
        if rule == "bilinear":  # scipy moves half of the input's share of a step into the output
            b = np.linalg.solve(np.eye(len(A)) - dt / 2 * np.diag(A), dt * B[:, None])
        for l in range(x.shape[2]):
            h = h @ a.T + x[:, c, l, None].numpy() * b.T
            y[:, c, l] += torch.from_numpy(2 * (h @ C).real)
    return y


@pytest.mark.parametrize("rule", list(Discretisation))
@pytest.mark.parametrize("length", [1, 63, 200])
def test_the_recurrence_equals_the_convolution_by_fft(rule, length):
    module = built(2, 8, discretisation=rule)
    x = torch.randn(2, 2, length, dtype=torch.float64)
    with torch.no_grad():
        expected = by_steps(module, x)
        with use(algorithm=AlgorithmName.FFT):
            assert_close(module(x), expected, 1e-10)
        y, _ = module.step(x, module.initial_state(2))
        assert_close(y, expected, 1e-10)


def test_zero_order_hold_is_that_of_scipy():
    module = built(3, 6)
    system = module.discretised()
    factor, gain = system.factor.detach(), system.gain.detach()
    for c in range(3):
        A = -module.log_decay[c].exp().detach().numpy() + 1j * module.frequency[c].detach().numpy()
        parts = np.diag(A), np.ones((3, 1)), np.ones((1, 3)), np.zeros((1, 1))
        a, b, *_ = cont2discrete(parts, module.log_step[c].exp().item(), "zoh")
        for got, wanted in ((factor, np.diag(a)), (gain, b[:, 0])):
            assert_close(got[c], torch.view_as_real(torch.from_numpy(wanted.copy())), 1e-12)


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
def test_chunks_that_pass_their_state_give_the_same(chunk):
    module, chunked = built(2, 8), built(2, 8, chunk=chunk)
    x = torch.randn(2, 2, 130, dtype=torch.float64)
    assert_close(chunked(x), module(x), 1e-10)


@pytest.mark.parametrize("length", [1, 64, 65, 1000])
def test_sums_of_exponentials_are_those_written_out(length):
    weight, exponent = torch.randn(2, 3, 5, 2, dtype=torch.float64)
    exponent[..., 0] = -exponent[..., 0].abs() / 100
    w, z = torch.view_as_complex(weight), torch.view_as_complex(exponent)
    expected = (w[..., None] * torch.exp(z[..., None] * torch.arange(length))).real.sum(1)
    assert_close(exponential_sums(weight, exponent, length), expected, 1e-12)


def test_a_tiny_step_loses_no_digits():
    """In float32 exp(dt A) - 1 would keep three digits of a step of 0.0001."""
    module = DiagonalSsm(1, 2)
    with torch.no_grad():
        module.log_step.fill_(np.log(1e-4))
        single, double = module.discretised().gain, module.double().discretised().gain
    assert_close(single, double, 1e-6)


def test_poles_start_as_s4d_lin():
    module = built(2, 6)
    assert_close(module.log_decay.detach().exp(), torch.full((2, 3), 0.5, dtype=torch.float64))
    assert_close(module.frequency.detach()[1], torch.pi * torch.arange(3, dtype=torch.float64))
    assert 0.001 <= module.log_step.exp().min() <= module.log_step.exp().max() <= 0.1


def test_memory_of_the_kernel_is_not_channels_times_states_times_length():
    shapes = []

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            shapes.extend([result.numel()] if isinstance(result, torch.Tensor) else [])
            return result

    module = DiagonalSsm(4, 64)
    with Watch(), torch.no_grad():
        module.impulse_response(4096)
    assert max(shapes) < 4 * 32 * 4096 / 8


@pytest.mark.parametrize("sizes", [(0, 4), (2, 3), (2, 0)])
def test_sizes_without_meaning_are_refused(sizes):
    with pytest.raises(ArgumentError, match="even number of states"):
        DiagonalSsm(*sizes)


def test_an_empty_chunk_is_refused():
    with pytest.raises(ArgumentError, match="chunk of 1 sample or more"):
        DiagonalSsm(2, 4, chunk=0)(torch.randn(1, 2, 5))
