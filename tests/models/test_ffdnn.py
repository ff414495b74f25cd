"""Capsules, bands, and series told apart."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.data.series import bundled_series
from circulant.data.vegetation_indices import BANDS, VegetationIndex, bands_of, tcari_over_osavi, wdvi
from circulant.models.capsule_encoder import CapsuleEncoder, route, squash
from circulant.models.ffdnn import FFDNN, BandFilter, margin_loss
from circulant.train.fit import fit
from circulant.train.predict import predict
from circulant.train.recipe import Recipe
from circulant.train.tensors import to_tensors


def test_squashing_keeps_directions_and_lengths_below_one():
    s = torch.randn(50, 4, dtype=torch.float64) * torch.logspace(-3, 3, 50, dtype=torch.float64)[:, None]
    v = squash(s)
    size = s.norm(dim=-1, keepdim=True)
    assert_close(v, size / (1 + size**2) * s)
    assert bool((v.norm(dim=-1) < 1).all())
    assert not squash(torch.zeros(1, 4)).isnan().any()


def test_capsules_are_shorter_than_one_and_every_part_is_shared_out_whole():
    torch.manual_seed(0)
    for ndim, spatial in ((1, (9,)), (2, (5, 6))):
        encoder = CapsuleEncoder(16, 3, ndim=ndim, cells=2).double()
        routed = encoder.routed(10 * torch.randn(4, 16, *spatial, dtype=torch.float64))
        assert routed.capsules.shape == (4, 3, 16)
        assert bool((routed.capsules.norm(dim=-1) < 1).all())
        assert_close(routed.shares.sum(-1), torch.ones(4, 2 * 2**ndim, dtype=torch.float64))


def test_parts_go_where_others_point_too():
    predictions = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    predictions[0, :, 0] = torch.tensor([1.0, 0.0])  # all agree on the first class
    predictions[0, :, 1] = torch.tensor([[1.0, 0.0], [-0.5, 0.9], [-0.5, -0.9]])  # and not on the second
    one_round, three_rounds = route(predictions, 1), route(predictions, 3)
    assert_close(one_round.shares, torch.full((1, 3, 2), 0.5, dtype=torch.float64))
    assert bool((three_rounds.shares[..., 0] > 0.6).all())


def test_the_band_filter_zeroes_exactly_the_bands_that_no_index_needs():
    kept = bands_of([VegetationIndex.WDVI, VegetationIndex.TCARI_OSAVI])
    assert [BANDS[band] for band in kept] == ["B3", "B4", "B5", "B8"]
    x = torch.randn(2, 13, 7)
    y = BandFilter(13, kept)(x)
    others = [band for band in range(13) if band not in kept]
    assert torch.equal(y[:, list(kept)], x[:, list(kept)])
    assert bool((y[:, others] == 0).all())
    with pytest.raises(ArgumentError, match="0 to 3"):
        BandFilter(4, [4])


def test_indices_are_those_of_the_literature():
    green, red, edge, near = torch.tensor([0.08, 0.05, 0.12, 0.4], dtype=torch.float64)
    assert_close(wdvi(red, near, 1.2), torch.tensor(0.34, dtype=torch.float64))
    tcari = 3 * (0.07 - 0.2 * 0.04 * 2.4)
    osavi = 1.16 * 0.35 / 0.61
    assert_close(
        tcari_over_osavi(green, red, edge, near), torch.tensor(tcari / osavi, dtype=torch.float64), 1e-6
    )


def test_the_network_sees_nothing_of_filtered_bands():
    torch.manual_seed(0)
    network = FFDNN(13, 2, modes=4, kept=(2, 3)).eval()
    x = torch.randn(2, 13, 20)
    other = x.clone()
    other[:, 4:] = 5
    assert torch.equal(network(x), network(other))


def test_the_margins_leave_sure_answers_alone():
    lengths = torch.tensor([[0.95, 0.05], [0.5, 0.5]])
    assert margin_loss(lengths[:1], torch.tensor([0])) == 0
    assert_close(margin_loss(lengths[1:], torch.tensor([0])), torch.tensor(0.16 + 0.5 * 0.16))


def test_movements_are_told_apart():
    data = to_tensors(bundled_series("BasicMotions"))
    mean = data.x_train.mean((0, 2), keepdim=True)
    spread = data.x_train.std((0, 2), keepdim=True)
    torch.manual_seed(0)
    network = FFDNN(6, 4)
    x, recipe = (data.x_train - mean) / spread, Recipe(learning_rate=3e-3)
    fit(network, x, data.y_train, steps=100, loss=margin_loss, recipe=recipe)
    right = predict(network, (data.x_test - mean) / spread) == data.y_test
    assert right.float().mean() >= 0.85
