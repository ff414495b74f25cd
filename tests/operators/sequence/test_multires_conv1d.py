"""The multiresolution tree as wavelet transform, as one long kernel, and as what it stores."""

import pytest
import pywt
import torch
from sklearn.datasets import load_digits
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.engine.long_conv import long_conv
from circulant.models.multires_layer import MultiresLayer
from circulant.operators.sequence.multires_conv1d import MultiresConv1d
from circulant.train.fit import fit
from circulant.train.predict import predict

HALF = 0.5**0.5


def built(*args, **kwargs):
    torch.manual_seed(0)
    return MultiresConv1d(*args, dtype=torch.float64, **kwargs)


def drawn(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def delayed(x, samples):
    return torch.cat([torch.zeros_like(x[..., :samples]), x], -1)[..., : x.shape[-1]]


def test_haar_filters_give_the_undecimated_haar_transform_of_the_past():
    module, x = built(2, 16, wavelet=(HALF, HALF)), drawn(1, 2, 21)
    assert module.levels == 4
    for j in range(1, 5):
        window = 2 ** (j - 1)
        sums = [sum(delayed(x, m) for m in range(start, start + window)) for start in (0, window)]
        with torch.no_grad():
            module.weight.zero_()[:, module.levels + 1 - j] = 1
            detail = module(x)
        assert_close(detail, (sums[1] - sums[0]) * HALF**j, 1e-12)
    with torch.no_grad():
        module.weight.zero_()[:, 0] = 1
        coarsest = module(x)
    assert_close(coarsest, sum(delayed(x, m) for m in range(16)) / 4, 1e-12)


@pytest.mark.parametrize("name", ["haar", "db2", "sym4"])
def test_a_wavelet_gives_the_filters_of_its_decomposition(name):
    wavelet = pywt.Wavelet(name)
    module = built(2, 32, wavelet=tuple(wavelet.dec_lo))
    assert_close(module.low[1], torch.tensor(wavelet.dec_lo, dtype=torch.float64), 1e-7)
    assert_close(module.high[1], torch.tensor(wavelet.dec_hi, dtype=torch.float64), 1e-7)


@pytest.mark.parametrize("kernel_size", [2, 3, 5])
@pytest.mark.parametrize("coefficients", [None, 1, 7])
def test_the_tree_is_one_long_causal_convolution(kernel_size, coefficients):
    module, x = built(3, 40, kernel_size, coefficients=coefficients), drawn(2, 3, 50)
    with torch.no_grad():
        kernel = module.impulse_response()
        assert_close(module(x), long_conv(x, kernel), 1e-10)
        longer = torch.cat([x, torch.zeros(2, 3, 200, dtype=torch.float64)], -1)
        assert_close(module(longer), long_conv(longer, kernel), 1e-10)


def test_what_comes_later_does_not_change_a_bit():
    module, x = built(4, 64, 4), drawn(2, 4, 80)
    other = x.clone()
    other[..., 50:] = 1e6
    assert torch.equal(module(x)[..., :50], module(other)[..., :50])
    assert not torch.equal(module(x)[..., 50], module(other)[..., 50])


@pytest.mark.parametrize(
    ("length", "taps", "levels"), [(1, 2, 0), (2, 2, 1), (64, 2, 6), (65, 2, 7), (64, 4, 5)]
)
def test_parameters_are_two_filters_and_a_weight_for_each_level(length, taps, levels):
    module = built(3, length, taps)
    assert module.levels == levels
    assert sum(p.numel() for p in module.parameters()) == 3 * (2 * taps + levels + 2)


def test_the_walk_through_the_tree_covers_the_places_that_coarser_levels_look_at():
    module = built(1, 16, 3, coefficients=13)
    assert sum(module.places) == 12
    assert module.places[::-1][:2] == (1, 3)
    with pytest.raises(ArgumentError, match="expected at most the"):
        built(1, 4, 2, coefficients=100)


def test_a_stream_in_any_chunks_equals_the_whole():
    module, x = built(2, 30, 3, coefficients=9), drawn(1, 2, 41)
    state, rows = module.initial_state(1, dtype=torch.float64), []
    for chunk in x.split([1, 7, 2, 20, 11], -1):
        y, state = module.step(chunk, state)
        rows.append(y)
    assert_close(torch.cat(rows, -1), module(x), 1e-12)


@pytest.mark.parametrize("bad", [{"length": 0}, {"kernel_size": 1}, {"coefficients": 0}])
def test_settings_that_mean_nothing_are_refused(bad):
    with pytest.raises(ArgumentError, match="expected"):
        MultiresConv1d(**{"channels": 2, "length": 8, **bad})


def test_a_layer_has_the_published_parts():
    layer = MultiresLayer(8, 32, 4)
    assert sum(p.numel() for p in layer.parameters()) == 8 * (2 * 4 + 4 + 2) + 16 * 9 + 16
    x = torch.randn(2, 8, 32)
    y = layer(x)
    assert y.shape == x.shape
    assert_close(y.mean(1), torch.zeros(2, 32), 1e-4)  # the norm comes last


@pytest.mark.slow
def test_digits_read_sample_by_sample_are_told_apart():
    x, y = load_digits(return_X_y=True)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    x, y = torch.tensor(x / 8 - 1, dtype=torch.float32)[order, None], torch.tensor(y)[order]
    torch.manual_seed(0)
    body = [MultiresLayer(32, 64, 4, batch_norm=True) for _ in range(3)]
    network = nn.Sequential(
        nn.Conv1d(1, 32, 1), *body, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(32, 10)
    )
    fit(network, x[:1400], y[:1400], steps=400)
    accuracy = (predict(network, x[1400:]) == y[1400:]).float().mean().item()
    print(f"digits as sequences of 64: {accuracy:.3f}")
    assert accuracy >= 0.95
