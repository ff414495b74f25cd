"""Atoms, the optimum they are coded to, and what bandwidths of many kinds are good for."""

from math import pi

import pytest
import torch
from skimage import data

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.models.conv_sparse_coding import ConvSparseCoding, normalised_contrast, pruned, psnr
from circulant.models.log_gabor_bank import heterogeneous_bank, homogeneous_bank, log_gabor_bank


@pytest.fixture
def coding():
    atoms = torch.randn(4, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return ConvSparseCoding(atoms / atoms.norm(dim=(1, 2), keepdim=True), penalty=0.2)


def image(seed, *shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_banks_have_144_atoms_of_unit_norm_without_a_mean():
    for bank in (heterogeneous_bank(), homogeneous_bank()):
        assert bank.shape == (144, 12, 12)
        assert_close(bank.norm(dim=(1, 2)), torch.ones(144, dtype=torch.float64))
        assert bank.mean((1, 2)).abs().max() < 1e-12
        assert bank[:, 0, 0].abs().max() < 0.05  # outside the circle but for the mean


def test_phases_are_even_and_odd_and_an_orientation_is_where_the_energy_lies():
    even, odd = log_gabor_bank([0.0], [pi / 12])
    assert abs((even * odd).sum()) < 0.1
    energy = torch.fft.fft2(even).abs().square()
    rows = torch.fft.fftfreq(12).abs()
    down = (energy.sum(1) * rows).sum() / energy.sum()
    across = (energy.sum(0) * rows).sum() / energy.sum()
    assert down > 2 * across  # orientation 0 changes along the rows
    narrow, wide = (torch.fft.fft2(log_gabor_bank([0.0], [b])[0]).abs() for b in (pi / 36, pi / 6))
    assert (wide > 0.2 * wide.max()).sum() > (narrow > 0.2 * narrow.max()).sum()


def test_both_forms_of_the_orientation_envelope_have_the_same_curvature_at_its_peak():
    bandwidth, t = torch.tensor(pi / 15, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    curvatures = []
    for envelope in (
        lambda t: torch.cos(t) / bandwidth**2,
        lambda t: torch.cos(2 * t) / (4 * bandwidth**2),
    ):
        curvatures.append(torch.autograd.functional.hessian(envelope, t))
    assert_close(*curvatures, 1e-12)
    assert_close(curvatures[0], -1 / bandwidth**2, 1e-12)


def test_synthesis_and_adjoint_are_adjoint(coding):
    maps, x = image(1, 2, 4, 7, 8), image(2, 2, 7, 8)
    assert_close((coding.synthesis(maps) * x).sum(), (maps * coding.adjoint(x)).sum(), 1e-10)


def test_synthesis_is_a_sum_of_circular_convolutions(coding):
    maps = image(1, 1, 4, 5, 6)
    expected = torch.zeros(1, 5, 6, dtype=torch.float64)
    for k in range(4):
        for i in range(3):
            for j in range(3):
                expected += coding.atoms[k, i, j] * maps[:, k].roll((i, j), (1, 2))
    assert_close(coding.synthesis(maps), expected)


def test_the_objective_never_rises_and_ends_at_the_optimum(coding):
    x = image(3, 2, 9, 10)
    code = coding.code(x, 1500)
    first = coding.objective(x, torch.zeros_like(code.maps))
    assert all(after <= before + 1e-12 for before, after in zip((first, *code.objectives), code.objectives))
    assert coding.optimality(x, code.maps) < 1e-4
    assert abs(code.objectives[-1] - coding.objective(x, code.maps)) < 1e-9
    assert 0.05 < code.sparseness < 0.95
    nearby = code.maps + 1e-3 * image(4, *code.maps.shape)
    assert coding.objective(x, nearby) > code.objectives[-1]


def test_pruning_takes_the_smallest_coefficients_and_psnr_tells_the_loss(coding):
    x = image(5, 1, 8, 8)
    maps = coding.code(x, 200).maps
    kept = pruned(maps, 0.5)
    assert abs((kept != 0).sum() / (maps != 0).sum() - 0.5) < 0.02
    assert kept[kept != 0].abs().min() >= maps[(kept == 0) & (maps != 0)].abs().max()
    assert psnr(coding.synthesis(kept), x) < psnr(coding.synthesis(maps), x)
    assert torch.equal(pruned(maps, 0.0), maps)


def test_strong_contrast_is_brought_to_one_and_weak_contrast_is_not_blown_up():
    x = torch.cat([image(6, 1, 40, 20), 5 * image(7, 1, 40, 20) + 3], 2)
    weak, strong = (part[..., 5:-5].std() for part in normalised_contrast(x).split(20, 2))
    assert 0.8 < strong < 1.2
    assert 0.25 < weak < 0.5  # a fifth of the other before


def test_what_does_not_fit_is_refused(coding):
    with pytest.raises(ArgumentError, match="or more, got 2 x 9"):
        coding.code(torch.zeros(1, 2, 9))
    with pytest.raises(ArgumentError, match="penalty above 0"):
        ConvSparseCoding(torch.zeros(1, 3, 3), 0.0)
    with pytest.raises(ArgumentError, match="bandwidths above 0"):
        log_gabor_bank([0.0], [0.0])


@pytest.mark.slow
def test_bandwidths_of_many_kinds_make_codes_of_photographs_sparser():
    camera = torch.tensor(data.camera()).double() / 255
    astronaut = torch.tensor(data.astronaut()).double().mean(-1) / 255
    crops = [camera[96:128, 200:232], camera[200:232, 200:232], astronaut[60:92, 180:212]]
    x = normalised_contrast(torch.stack([*crops, astronaut[300:332, 180:212]]))
    codes = [ConvSparseCoding(bank, 1e-2).code(x) for bank in (heterogeneous_bank(), homogeneous_bank())]
    assert codes[0].sparseness > codes[1].sparseness + 0.01
