"""Atoms learned from images that others made."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.models.conv_sparse_coding import ConvSparseCoding
from circulant.models.log_gabor_bank import log_gabor_bank
from circulant.train.sparse_dictionary import learn_atoms


def sparse_maps(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(*shape, dtype=torch.float64, generator=generator)
    return values * (torch.rand(*shape, generator=generator) < 0.04)


@pytest.fixture
def made():
    """Atoms, and images that are sums of few of them."""
    truth = log_gabor_bank([0.0, 0.8, 1.6, 2.4], [0.5], (0.0,), size=7)
    return truth, ConvSparseCoding(truth, 0.02).synthesis(sparse_maps(0, 4, 4, 20, 20))


def nearness(found, truth):
    """Of each true atom to the found one that is most alike, whatever its sign: 1 for the same."""
    unit = found / found.norm(dim=(1, 2), keepdim=True)
    return torch.einsum("khw,lhw->kl", truth, unit).abs().amax(1).mean().item()


def test_learning_finds_the_atoms_that_made_the_images(made):
    truth, x = made
    noise = torch.randn(truth.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    start = truth + 0.06 * noise
    start = start / start.norm(dim=(1, 2), keepdim=True)
    learned = learn_atoms(ConvSparseCoding(start, 0.02), x, rounds=15, steps=40)
    assert nearness(start, truth) < 0.92
    assert nearness(learned.coding.atoms, truth) > 0.96
    assert learned.objectives[-1] < 0.85 * learned.objectives[0]
    assert learned.coding.atoms.norm(dim=(1, 2)).max() <= 1 + 1e-12


def test_a_round_never_leaves_a_higher_objective_than_its_code(made):
    truth, x = made
    coding = ConvSparseCoding(truth.flip(1), 0.02)
    coded = coding.code(x, 40).objectives[-1]
    assert learn_atoms(coding, x, rounds=1, steps=40).objectives[0] <= coded


def test_rounds_are_needed(made):
    truth, x = made
    with pytest.raises(ArgumentError, match="rounds and atom_steps of 1 or more, got 0 and 30"):
        learn_atoms(ConvSparseCoding(truth), x, rounds=0)
