"""The weight of Fourier attention as an autocorrelation, and its price."""

import torch

from circulant.core.cost import matmul_cost
from circulant.core.tolerances import assert_close
from circulant.operators.spectral.fourier_attention3d import FourierAttention3d


def test_its_weight_is_the_circular_autocorrelation_over_time_and_positions():
    x = torch.randn(2, 2, 3, 2, 4, dtype=torch.float64)
    flat = x.flatten(3)
    expected = torch.zeros_like(flat)
    for t in range(3):
        for p in range(8):
            for s in range(3):
                for q in range(8):
                    expected[..., t, p] += flat[..., s, q] * flat[..., (s + t) % 3, (q + p) % 8]
    module = FourierAttention3d(2)
    R = module.autocorrelation(x)
    assert_close(R.flatten(3), expected / 24**0.5, 1e-10)
    assert_close(module(x), x + 0.01 * R.abs() * x)


def test_the_first_lag_is_the_energy_of_the_clip():
    x = torch.randn(1, 1, 4, 3, 5, dtype=torch.float64)
    R = FourierAttention3d(1).autocorrelation(x)
    assert_close(R[..., 0, 0, 0], x.square().sum((2, 3, 4)) / 60**0.5)
    assert R.abs().max() == R[0, 0, 0, 0, 0]


def test_it_takes_far_less_arithmetic_than_self_attention():
    channels, positions = 48, 16 * 14 * 14
    scores = matmul_cost(positions, channels, positions)
    values = matmul_cost(positions, positions, channels)
    attention = (scores + values).flop  # without the maps of query, key and value
    products = 4 * channels * positions  # squares and weights, beside the transforms
    assert FourierAttention3d(channels).cost((1, channels, 16, 14, 14)).flop + products < attention / 20


def test_there_is_nothing_to_learn():
    assert list(FourierAttention3d(4).parameters()) == []
