"""The mixture against scikit-learn's, and what is drawn from it."""

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture as Reference

from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.models.spectral_dictionary_lm import SpectralDictionaryLM
from circulant.train.gaussian_mixture import fit_mixture


def clouds():
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [8.0, 1.0], [-3.0, 9.0]], dtype=torch.float64)
    noise = torch.randn(3, 400, 2, dtype=torch.float64, generator=generator)
    return (centres[:, None] + noise * torch.tensor([1.0, 0.5])).flatten(0, 1)


def test_it_finds_the_clouds_that_scikit_learn_finds():
    points = clouds()
    mine = fit_mixture(points, 3)
    theirs = Reference(3, covariance_type="diag", random_state=0, tol=1e-9, max_iter=500).fit(points.numpy())
    order, wanted = mine.mean[:, 0].argsort(), np.argsort(theirs.means_[:, 0])
    assert_close(mine.mean[order], torch.from_numpy(theirs.means_[wanted]), 1e-4)
    assert_close(mine.variance[order], torch.from_numpy(theirs.covariances_[wanted]), 1e-4)
    assert_close(mine.share[order], torch.from_numpy(theirs.weights_[wanted]), 1e-4)
    assert_close(mine.log_density(points), torch.from_numpy(theirs.score_samples(points.numpy())), 1e-4)


def test_what_is_drawn_has_the_moments_of_the_points():
    points = clouds()
    drawn = fit_mixture(points, 3).draw(20_000, torch.Generator().manual_seed(1))
    assert_close(drawn.mean(0), points.mean(0), 0.05)
    assert_close(drawn.T.cov(), points.T.cov(), 0.05)


def test_coefficients_drawn_from_it_are_decoded_to_tokens():
    torch.manual_seed(0)
    model = SpectralDictionaryLM(11, 8, atoms=6)
    with torch.no_grad():
        made = model.reconstruct(torch.randint(0, 11, (20, 12)))
        prior = fit_mixture(made.coefficients.transpose(1, 2).flatten(0, 1), 4)
        drawn = prior.draw(24).reshape(2, 12, 6).transpose(1, 2)
        assert model.rebuild(drawn, made.embedded[:2]).logits.shape == (2, 11, 12)


def test_fewer_points_than_components_are_refused():
    with pytest.raises(ShapeError, match="P of 5 or more"):
        fit_mixture(torch.randn(4, 2), 5)
