"""Taps by transforms, by scipy's filter and by the companion recurrence; memory that knows no states."""

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine.companion import (
    companion_decode,
    companion_matrix,
    companion_numerator,
    truncated_numerator,
)
from circulant.operators.sequence.rational_transfer_function1d import (
    RationalTransferFunction1d,
    RtfInitialisation,
)

LENGTH = 64


def denominator_of(poles):
    """a (1, n) of complex poles, each taken with its conjugate."""
    roots = np.concatenate([poles, np.conjugate(poles)])
    return torch.from_numpy(np.poly(roots).real[1:].copy())[None]


def system(radius, states=6, seed=0):
    """A numerator and a denominator whose poles have at most that size."""
    generator = np.random.default_rng(seed)
    sizes = radius * np.linspace(0.5, 1, states // 2)
    poles = sizes * np.exp(1j * np.pi * generator.uniform(0.05, 0.95, states // 2))
    return torch.from_numpy(generator.normal(size=(1, states))), denominator_of(poles)


def with_coefficients(numerator, denominator, direct=0.7, **options):
    module = RationalTransferFunction1d(1, LENGTH, numerator.shape[1], dtype=torch.float64, **options)
    with torch.no_grad():
        module.numerator.copy_(numerator)
        module.denominator.copy_(denominator)
        module.direct.fill_(direct)
    return module


def scipy_taps(numerator, denominator, count):
    impulse = np.zeros(count)
    impulse[0] = 1
    below = np.concatenate([[1.0], denominator[0].numpy()])
    return torch.from_numpy(lfilter(np.concatenate([[0.0], numerator[0].numpy()]), below, impulse))


@pytest.mark.parametrize("radius", [0.5, 0.9, 0.99])
def test_taps_are_scipys_once_the_numerator_is_that_of_the_truncated_system(radius):
    c, a = system(radius)
    taps = scipy_taps(c, a, LENGTH + 1)
    for module in (
        with_coefficients(truncated_numerator(c, a, LENGTH), a),
        with_coefficients(c, a, corrected=True),
    ):
        k = module.impulse_response()[0].detach()
        assert_close(k[1:], taps[1:LENGTH], 1e-9)
        assert abs(k[0] - 0.7 - taps[LENGTH]) < 1e-9 * taps.abs().max()


def test_without_the_correction_taps_are_folded_around_the_length():
    c, a = system(0.99)
    k = with_coefficients(c, a).impulse_response()[0].detach()
    turns = 200  # 0.99^12800 is nothing
    folded = scipy_taps(c, a, turns * LENGTH).reshape(turns, LENGTH).sum(0)
    folded[0] += 0.7
    assert_close(k, folded, 1e-9)
    assert (k[1:] - scipy_taps(c, a, LENGTH)[1:]).abs().max() > 0.1


@pytest.mark.parametrize("radius", [0.5, 0.99])
@pytest.mark.parametrize("chunk", [1, 5, 64])
def test_the_companion_recurrence_equals_the_convolution(radius, chunk):
    module = with_coefficients(*system(radius))
    x = torch.randn(2, 1, LENGTH, dtype=torch.float64)
    with torch.no_grad():
        state, outputs = module.initial_state(2), []
        for part in x.split(chunk, -1):
            y, state = module.step(part, state)
            outputs.append(y)
        assert_close(torch.cat(outputs, -1), module(x), 1e-9)


def test_decoding_runs_on_beyond_the_length():
    c, a = system(0.9)
    x = torch.randn(1, 1, 300, dtype=torch.float64)
    direct, start = torch.tensor([0.7]).double(), torch.zeros(1, 1, 6).double()
    y, state = companion_decode(x, c, a, direct, start)
    below = np.concatenate([[1.0], a[0].numpy()])
    above = direct.item() * below + np.concatenate([[0.0], c[0].numpy()])
    expected = lfilter(above, below, x[0, 0].numpy())
    assert_close(y[0, 0], torch.from_numpy(expected), 1e-10)
    assert state.shape == (1, 1, 6)


def test_the_numerator_that_decodes_solves_the_equation_of_the_paper():
    b, a = system(0.99)
    c = companion_numerator(with_coefficients(b, a).impulse_response().detach(), a)
    across = torch.eye(6, dtype=torch.float64) - torch.linalg.matrix_power(companion_matrix(a)[0], LENGTH)
    assert_close(c @ across, b, 1e-9)
    assert_close(truncated_numerator(c, a, LENGTH), b, 1e-9)


def test_channels_share_denominators_in_turn():
    module = RationalTransferFunction1d(
        4, 20, 3, groups=2, initialisation=RtfInitialisation.MONTEL, dtype=torch.float64
    )
    with torch.no_grad():
        module.numerator.copy_(module.numerator[:1].expand(4, -1))
        module.direct.zero_()
    k = module.impulse_response()
    assert torch.equal(k[0], k[1])
    assert torch.equal(k[2], k[3])
    assert not torch.equal(k[0], k[2])


def test_parameters_are_two_per_state_and_one_for_each_channel():
    assert sum(p.numel() for p in RationalTransferFunction1d(5, 100, 16).parameters()) == 5 * (2 * 16 + 1)


def test_at_first_the_operator_scales_each_channel():
    module = RationalTransferFunction1d(3, 50, 8)
    x = torch.randn(2, 3, 50)
    assert_close(module(x), module.direct[:, None] * x)


def test_a_bounded_denominator_has_its_poles_inside_the_unit_circle():
    module = RationalTransferFunction1d(8, 50, 12, bounded=True, dtype=torch.float64)
    with torch.no_grad():
        module.denominator.normal_(std=10)
    _, a = module.polynomials()
    assert torch.linalg.eigvals(companion_matrix(a)).abs().max() < 1


def largest_tensors(order, length=8192, channels=2):
    """Numbers in all tensors that are made on the way to the kernel."""
    made = 0

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            nonlocal made
            result = func(*args, **(kwargs or {}))
            made += result.numel() if isinstance(result, torch.Tensor) else 0
            return result

    module = RationalTransferFunction1d(channels, length, order)
    with Watch(), torch.no_grad():
        module.impulse_response()
    return made


def test_memory_of_the_kernel_is_flat_in_the_number_of_states():
    few, many = largest_tensors(4), largest_tensors(1024)
    assert many < 1.1 * few


@pytest.mark.parametrize("order", [0, 20, 21])
def test_an_order_that_the_length_cannot_hold_is_refused(order):
    with pytest.raises(ArgumentError, match="from 1 to below length = 20"):
        RationalTransferFunction1d(2, 20, order)


def test_a_kernel_too_short_for_its_denominator_is_refused():
    with pytest.raises(ShapeError, match="more than n = 3 taps"):
        companion_numerator(torch.randn(1, 3), torch.randn(1, 3))


@pytest.mark.slow
def test_digits_read_pixel_by_pixel_are_classified_at_95_percent():
    from sklearn.datasets import load_digits

    from circulant.models.backbone import Backbone
    from circulant.models.operator_network import Design, Stage
    from circulant.operators.sequence.rational_transfer_function1d import CARD
    from circulant.train.fit import fit
    from circulant.train.predict import predict
    from circulant.train.recipe import Recipe

    pictures, classes = load_digits(return_X_y=True)
    order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(0))
    x = torch.from_numpy(pictures).float()[order, None] / 8 - 1
    y = torch.from_numpy(classes)[order]
    network = Backbone((1, 64), 10, CARD.mixer, 0, Design((Stage(24, 2), Stage(32, 1))))
    fit(network, x[:1400], y[:1400], steps=350, recipe=Recipe(batch=64))
    assert (predict(network, x[1400:]) == y[1400:]).float().mean() >= 0.95
