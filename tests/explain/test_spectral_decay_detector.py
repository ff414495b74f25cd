"""A detector that learns what upsampled last, and is blind once that is changed."""

import pytest
import torch
from sklearn.svm import SVC

from circulant.core.errors import ArgumentError
from circulant.explain.spectral_decay_detector import spectral_decay_detector
from circulant.explain.upsampling_replicas import Upsampling
from circulant.models.dc_gan_generator import DcGanGenerator
from circulant.optimise.last_upsample_swap import last_upsample_swap


def pictures(seeds, swapped):
    """32x32, eight from each generator with the random weights of its seed."""
    found = []
    for seed in seeds:
        torch.manual_seed(seed)
        generator, z = DcGanGenerator(16, 1, 8, 32), torch.randn(8, 16, 1, 1)
        if swapped:
            last_upsample_swap(generator, Upsampling.LINEAR)
        with torch.no_grad():
            found.append(generator(z))
    return torch.cat(found)


@pytest.fixture(scope="module")
def smooth():
    """Stand for real pictures: generators that end in bilinear upsampling."""
    return pictures(range(24), swapped=True)


@pytest.mark.parametrize("classifier", [None, SVC()])
def test_it_tells_transposed_from_bilinear_and_falls_to_chance_on_swapped_generators(smooth, classifier):
    transposed = pictures(range(100, 124), swapped=False)
    detector = spectral_decay_detector(smooth[:96], transposed[:96], classifier)
    right = 1 - detector.is_generated(smooth[96:]).double().mean()
    assert (right + detector.is_generated(transposed[96:]).double().mean()) / 2 > 0.95
    swapped = pictures(range(112, 124), swapped=True)  # the very generators that were found just now
    accuracy = (right + detector.is_generated(swapped).double().mean()) / 2
    assert 0.45 < accuracy < 0.55


def test_it_keeps_the_classifier_that_it_was_given_untrained(smooth):
    classifier = SVC()
    spectral_decay_detector(smooth[:8], torch.rand(8, 1, 32, 32), classifier)
    assert not hasattr(classifier, "support_")


def test_blank_pictures_are_refused(smooth):
    with pytest.raises(ArgumentError, match="blank pictures"):
        spectral_decay_detector(smooth[:8], torch.zeros(8, 1, 32, 32))
