"""Principal components of features, and where they peak."""

from copy import deepcopy
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from tests.explain.digit_network import LAST, digits, trained
from torch import nn

from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.explain.eigen_cam import eigen_cam, eigen_map
from circulant.models.heads import PoolHead


def features(signed=True):
    drawn = torch.randn(2, 6, 5, 4, dtype=torch.float64)
    return drawn if signed else drawn.relu()


def test_uncentred_maps_are_projections_on_numpys_first_direction_with_a_sum_of_zero_or_more():
    a = features()
    for example, found in zip(a, eigen_map(a), strict=True):
        positions = example.flatten(1).T.numpy()
        direction = np.linalg.svd(positions)[2][0]
        direction *= 1 if direction.sum() >= 0 else -1
        np.testing.assert_allclose(found.numpy().ravel(), positions @ direction, atol=1e-10)


def test_features_that_are_not_negative_give_a_map_that_is_not():
    assert eigen_map(features(signed=False)).min() > -1e-12


@pytest.mark.parametrize("signs", [1, -1])
def test_a_map_of_rank_one_is_given_back_times_the_length_of_its_direction(signs):
    u, v = torch.randn(5, 4, dtype=torch.float64), torch.rand(6, dtype=torch.float64)
    rank_one = (signs * v[:, None, None] * u)[None]
    torch.testing.assert_close(eigen_map(rank_one)[0], signs * v.norm() * u, rtol=0, atol=1e-10)
    centred = eigen_map(rank_one, centred=True)[0]
    assert (centred - signs * v.norm() * u).abs().max() > 0.1


def test_no_direction_holds_more_energy():
    a = features()
    directions = torch.nn.functional.normalize(torch.randn(1000, 6, dtype=torch.float64), dim=1)
    energy = torch.einsum("bchw,nc->bnhw", a, directions).square().sum((2, 3))
    assert (energy <= eigen_map(a).square().sum((1, 2))[:, None]).all()


def test_centred_maps_have_no_mean_and_their_longer_side_is_positive():
    found = eigen_map(features() + 3, centred=True)
    assert found.mean((1, 2)).abs().max() < 1e-12
    assert (found.amax((1, 2)) >= -found.amin((1, 2))).all()


def test_one_layer_is_stretched_and_enlarged_and_of_several_the_mean_is_taken():
    network = nn.Sequential(nn.Conv2d(1, 3, 3, 2, 1), nn.ReLU(), nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU()).double()
    x = torch.rand(2, 1, 16, 16, dtype=torch.float64)
    first, last = network[:2](x), network(x)

    def stretched(maps):
        maps = maps.relu() - maps.relu().amin((1, 2), keepdim=True)
        maps = maps / (maps.amax((1, 2), keepdim=True) + 1e-7)
        return nn.functional.interpolate(maps[:, None], (16, 16), mode="bilinear")[:, 0]

    alone = eigen_cam(network, x, [network[1]])
    torch.testing.assert_close(alone.values, stretched(stretched(eigen_map(first))))
    both = eigen_cam(network, x, [network[1], network[3]])
    mean = (stretched(eigen_map(first)) + stretched(eigen_map(last))) / 2
    torch.testing.assert_close(both.values, stretched(mean))


def test_the_classifier_does_not_matter():
    network = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), PoolHead(8, 10))
    shuffled = deepcopy(network)
    shuffled[2].classify.weight.data = network[2].classify.weight.data[torch.randperm(10)]
    x = digits()[2][:20]
    assert not torch.equal(network(x), shuffled(x))
    found, other = (eigen_cam(each, x, [each[1]]).values for each in (network, shuffled))
    assert torch.equal(found, other)


@pytest.mark.slow
@pytest.mark.parametrize("centred", [False, True])
def test_the_peak_is_on_the_digit_wherever_it_is_pasted(centred):
    """More than 80 % of 200 digits, 28 x 28, pasted away from the middle of black pictures of 72 x 72.

    Of a network without norms. With batch norm it answers to black, which is most of the picture, and only
    10 % of the peaks are on the digit, 59 % if centred.
    """
    canvas, tops, lefts = pasted(digits()[2][:200])
    network = trained(normed=False)
    rows, columns = eigen_cam(network, canvas, [network[LAST]], centred=centred).peaks.T
    inside = (rows >= tops) & (rows < tops + 28) & (columns >= lefts) & (columns < lefts + 28)
    assert inside.float().mean() > 0.8


def pasted(pictures, side=72):
    """In a corner drawn for each, up to 8 pixels from it: the middle of the picture is never covered."""
    canvas = torch.zeros(len(pictures), 1, side, side)
    drawn = torch.randint(0, 8, (2, len(pictures)))
    at_end = torch.randint(0, 2, (2, len(pictures))).bool()
    tops, lefts = torch.where(at_end, side - 28 - drawn, drawn)
    for picture, top, left, target in zip(pictures, tops, lefts, canvas, strict=True):
        target[:, top : top + 28, left : left + 28] = picture
    return canvas, tops, lefts


def test_modes_and_hooks_are_left_as_they_were():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Dropout())
    network[1].eval()
    eigen_cam(network, torch.rand(1, 1, 8, 8), [network[0]])
    assert network.training
    assert network[0].training
    assert not network[1].training
    assert not network[0]._forward_hooks


def test_the_plot_is_a_stand_alone_svg():
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU())
    picture = eigen_cam(network, torch.rand(1, 3, 8, 8), [network[1]]).plot()
    assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"


def test_bad_arguments_are_refused():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 2))
    x = torch.rand(1, 1, 8, 8)
    with pytest.raises(ArgumentError, match="layers of the network"):
        eigen_cam(network, x, [])
    with pytest.raises(ArgumentError, match="layers of the network"):
        eigen_cam(network, x, [nn.ReLU()])
    with pytest.raises(ShapeError, match="before the pooling"):
        eigen_cam(network, x, [network[2]])
    with pytest.raises(ShapeError, match="pictures x"):
        eigen_cam(network, x[0], [network[0]])
    with pytest.raises(DtypeError, match="floating-point"):
        eigen_cam(network, x.long(), [network[0]])
    with pytest.raises(ArgumentError, match="finite features"):
        eigen_map(x / 0)
    with pytest.raises(ShapeError, match="features"):
        eigen_map(x[0, 0])
