"""Structural similarity against scikit-image, and the loss that is built of it."""

import pytest
import torch
from skimage.metrics import structural_similarity as skimage_similarity

from circulant.core.tolerances import assert_close
from circulant.train.structural_similarity import absolute_and_structural_loss, structural_similarity


def pair(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    wanted = torch.rand(shape, dtype=torch.float64, generator=draw)
    return wanted + 0.2 * torch.randn(shape, dtype=torch.float64, generator=draw), wanted


@pytest.mark.parametrize("spatial", [(17, 23), (12, 13, 15)])
@pytest.mark.parametrize("value_range", [1.0, 255.0])
def test_equals_that_of_scikit_image_with_gaussian_weights(spatial, value_range):
    found, wanted = pair(1, 1, *spatial)
    exact = skimage_similarity(
        found[0, 0].numpy(), wanted[0, 0].numpy(), data_range=value_range, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False,
    )  # fmt: skip
    assert structural_similarity(found, wanted, value_range).item() == pytest.approx(exact, rel=1e-9)


def test_equal_images_are_alike_by_one_whatever_their_size():
    for shape in ((2, 3, 20, 20), (1, 1, 5, 30), (1, 2, 4)):
        _, image = pair(*shape)
        assert structural_similarity(image, image).item() == pytest.approx(1, abs=1e-12)


def test_axes_shorter_than_the_window_are_not_averaged_along():
    found, wanted = pair(2, 3, 4, 20, 21)
    slices = [structural_similarity(found[:, :, d], wanted[:, :, d]) for d in range(4)]
    assert_close(structural_similarity(found, wanted), torch.stack(slices).mean())


def test_the_loss_adds_a_tenth_of_what_lacks_with_phases_as_channels():
    found, wanted = pair(1, 1, 3, 2, 14, 14)
    similarity = torch.stack(
        [structural_similarity(found[:, 0, t][:, None], wanted[:, 0, t][:, None]) for t in range(3)]
    )
    exact = (found - wanted).abs().mean() + 0.1 * (1 - similarity.mean())
    assert_close(absolute_and_structural_loss(found, wanted), exact)
    assert absolute_and_structural_loss(wanted, wanted).item() == pytest.approx(0, abs=1e-12)
