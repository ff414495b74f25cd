"""Frames, and features that expand no distance and move little."""

import pytest
import torch

from circulant.core.errors import ArgumentError, ShapeError
from circulant.explain.frame_filter_bank import bank_of_taps, frame_bounds, haar_bank, morlet_bank
from circulant.explain.scattering_extractor import (
    Nonlinearity,
    Pooling,
    ScatteringExtractor,
    ScatteringLayer,
    translation_bound,
)

DECIMATED = [pooling for pooling in Pooling if pooling not in (Pooling.UNDECIMATED, Pooling.SCALED_SUBSAMPLE)]


def noise(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_both_bounds_of_haar_are_one():
    bounds = frame_bounds(torch.tensor([[0.5, 0.5], [0.5, -0.5]]), (12,))
    assert bounds == haar_bank(12).bounds
    assert bounds.lower == pytest.approx(1, abs=1e-14)
    assert bounds.upper == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize("bank", [morlet_bank((64,), 3), morlet_bank((16, 24), 2, 6)])
def test_morlet_divided_by_its_maximum_has_upper_bound_one_and_loses_no_frequency(bank):
    assert bank.bounds.upper == pytest.approx(1, abs=1e-14)
    assert bank.bounds.lower > 0.05
    means = bank.responses[1:].flatten(1, -2)[:, 0]
    assert means.abs().max() < 1e-15  # wavelets have none


@pytest.mark.parametrize("shape", [(3, 5), (4, 3, 3)])
def test_the_bounds_are_the_extreme_eigenvalues_of_the_frame_operator(shape):
    taps, grid = noise(*shape), (9, 8)[: len(shape) - 1]
    bank = bank_of_taps(taps, grid)
    energy = []
    basis = torch.eye(torch.Size(grid).numel(), dtype=torch.float64).reshape(-1, *grid)
    axes = tuple(range(1, len(grid) + 1))
    for filter in taps:
        spectrum = torch.fft.fftn(filter, s=grid)
        moved = torch.fft.ifftn(torch.fft.fftn(basis, dim=axes) * spectrum, dim=axes).real.flatten(1)
        energy.append(moved @ moved.T)
    values = torch.linalg.eigvalsh(torch.stack(energy).sum(0))
    assert bank.bounds.lower == pytest.approx(float(values[0]), rel=1e-9)
    assert bank.bounds.upper == pytest.approx(float(values[-1]), rel=1e-9)


@pytest.mark.parametrize("nonlinearity", Nonlinearity)
@pytest.mark.parametrize("pooling", DECIMATED)
@pytest.mark.parametrize("two_axes", [False, True])
def test_no_distance_between_100_pairs_grows(nonlinearity, pooling, two_axes):
    grids = [(16, 8), (8, 4)] if two_axes else [(64,), (32,), (16,)]
    banks = [morlet_bank(grid, 2, 4) for grid in grids]
    extractor = ScatteringExtractor([ScatteringLayer(bank, nonlinearity, pooling) for bank in banks])
    first, second = noise(2, 100, *grids[0])
    second[50:] = first[50:] + 0.01 * second[50:]  # near ones too
    apart = (extractor(first) - extractor(second)).norm(dim=1)
    assert (apart <= (first - second).flatten(1).norm(dim=1) * (1 + 1e-12)).all()


def test_with_the_factor_of_continuous_theory_subsampling_doubles_the_energy_and_is_refused():
    u = torch.zeros(1, 8, 2, dtype=torch.float64)
    u[:, ::2] = noise(1, 4, 2)
    scaled = Pooling.SCALED_SUBSAMPLE(u, 2, 1)
    assert float(scaled.square().sum() / u.square().sum()) == pytest.approx(2)
    assert torch.equal(Pooling.SUBSAMPLE(u, 2, 1), u[:, ::2])
    with pytest.raises(ArgumentError, match="got 2 with B = 1"):
        ScatteringExtractor([ScatteringLayer(haar_bank(8), pooling=Pooling.SCALED_SUBSAMPLE)])


@pytest.mark.parametrize("shift", [1, 2, 5])
def test_undecimated_features_move_less_than_the_bound_and_less_with_depth(shift):
    layers = [ScatteringLayer(morlet_bank((128,), 2), pooling=Pooling.UNDECIMATED)] * 3
    extractor, f = ScatteringExtractor(layers), noise(20, 128)
    before, after = extractor.features(f), extractor.features(f.roll(shift, 1))
    size = f.norm(dim=1)
    errors = torch.stack(
        [((a - b).flatten(1).norm(dim=1) / size).max() for a, b in zip(after, before, strict=True)]
    )
    bounds = torch.tensor(translation_bound(layers, (shift,)))
    assert (errors <= bounds).all()
    assert (errors.diff() < 0).all()
    torch.testing.assert_close(bounds[:-1] / bounds[1:], torch.full((2,), 2.0))


def test_doubled_filters_have_bound_four_and_are_refused():
    doubled = haar_bank(16).times(2)
    assert doubled.bounds.upper == pytest.approx(4)
    with pytest.raises(ArgumentError, match=r"layer 1: .* with B = 4"):
        ScatteringExtractor([ScatteringLayer(haar_bank(32)), ScatteringLayer(doubled)])
    ScatteringExtractor([ScatteringLayer(haar_bank(32)), ScatteringLayer(doubled.tight_above())])


def test_one_layer_of_haar_is_the_mean_of_neighbours_and_the_absolute_difference():
    extractor = ScatteringExtractor([ScatteringLayer(haar_bank(4)), ScatteringLayer(haar_bank(2))])
    means, differences = extractor.features(torch.tensor([[1.0, 3.0, 7.0, 7.0]]))
    torch.testing.assert_close(means[0, 0, :, 0], torch.tensor([4.0, 2.0, 5.0, 7.0]).double())
    # every other difference is kept, 3 and 2; then their means
    torch.testing.assert_close(differences[0, 0, :, 0], torch.tensor([2.5, 2.5]).double())


def test_a_wider_bank_has_the_response_at_a_multiple_of_the_frequency_and_none_above():
    bank = morlet_bank((32,), 1)
    wider = bank.dilated(2).responses
    assert torch.equal(wider[:, :8], bank.responses[:, :16:2])
    assert wider[:, 8:25].abs().max() == 0
    assert torch.equal(bank.dilated(1).responses, bank.responses)


def test_bad_arguments_are_refused():
    with pytest.raises(ArgumentError, match="at least one layer"):
        ScatteringExtractor([])
    with pytest.raises(ShapeError, match="bank on the grid"):
        ScatteringExtractor([ScatteringLayer(haar_bank(8)), ScatteringLayer(haar_bank(8))])
    with pytest.raises(ArgumentError, match="factor that divides"):
        ScatteringExtractor([ScatteringLayer(haar_bank(9))])
    with pytest.raises(ShapeError, match="real x"):
        ScatteringExtractor([ScatteringLayer(haar_bank(8))])(torch.ones(1, 9))
    with pytest.raises(ShapeError, match="fit the grid"):
        bank_of_taps(torch.ones(2, 9), (8,))
    with pytest.raises(ArgumentError, match="octaves and directions"):
        morlet_bank((8,), 0)
