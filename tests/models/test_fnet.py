"""FNet: published sizes, order of its parts, and what mixing is good for."""

import numpy as np
import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.models.fnet import (
    FNetClassifier,
    FNetEncoder,
    FNetPretraining,
    LinearMixing,
    fourier_mixing,
    no_mixing,
    random_mixing,
)
from circulant.train.fit import fit
from circulant.train.predict import predict
from circulant.train.recipe import Recipe


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_base_model_has_the_published_83_million_parameters():
    with torch.device("meta"):
        model = FNetPretraining(FNetEncoder())
    assert count(model) == 83_486_722
    assert round(count(model) / 1e6, 1) == 83.5


def test_mixing_adds_no_parameters_and_twins_add_theirs():
    sizes = (50, 16, 2, 12)
    plain = count(FNetEncoder(*sizes, mixing=no_mixing))
    assert count(FNetEncoder(*sizes)) == plain
    assert count(FNetEncoder(*sizes, mixing=LinearMixing)) == plain + 2 * (16**2 + 12**2)
    assert not any(p.requires_grad for p in random_mixing(16, 12).parameters())
    assert count(FNetEncoder(*sizes, attention_layers=2)) == plain + 2 * (4 * 16 * 16 + 4 * 16)


def test_a_layer_is_the_transform_and_a_feed_forward_net_each_followed_by_its_norm():
    encoder = FNetEncoder(11, 8, 1, 6).double().eval()
    codes = torch.randint(0, 11, (2, 6))
    rows = encoder.word(codes) + encoder.position.weight[:6] + encoder.segment.weight[0]
    rows = encoder.map(encoder.norm(rows))
    mixed = torch.from_numpy(np.fft.fft2(rows.detach().numpy()).real)
    rows = nn.functional.layer_norm(rows + mixed, (8,), eps=1e-12)
    feed = encoder.layers[1].branch[0]
    rows = nn.functional.layer_norm(
        rows + feed.project(nn.functional.gelu(feed.expand(rows))), (8,), eps=1e-12
    )
    assert_close(encoder(codes), rows.transpose(1, 2))


def test_dense_twins_are_products_over_both_axes():
    for mixing in (LinearMixing, random_mixing):
        module, x = mixing(5, 7).double(), torch.randn(2, 5, 7, dtype=torch.float64)
        expected = torch.einsum("bcl,dc,ml->bdm", x, module.over_channels, module.over_positions)
        assert_close(module(x), expected)
    with pytest.raises(ShapeError, match="L = 7"):
        module(x[..., :6])


def test_a_hybrid_attends_in_its_last_layers_only():
    encoder = FNetEncoder(11, 8, 4, 6, attention_layers=2)
    kinds = [type(encoder.layers[2 * layer].branch).__name__ for layer in range(4)]
    assert kinds == ["FourierMixing1d"] * 2 + ["_Attention"] * 2
    assert encoder(torch.randint(0, 11, (2, 6))).shape == (2, 8, 6)


def test_heads_give_logits_of_their_shapes():
    encoder = FNetEncoder(11, 8, 1, 6)
    codes = torch.randint(0, 11, (3, 5))
    words, follows = FNetPretraining(encoder)(codes, torch.ones_like(codes))
    assert words.shape == (3, 11, 5)
    assert follows.shape == (3, 2)
    assert FNetClassifier(encoder, 4)(codes).shape == (3, 4)


def test_settings_that_do_not_fit_are_refused():
    with pytest.raises(ArgumentError, match="0 to depth = 2"):
        FNetEncoder(11, 8, 2, 6, attention_layers=3)
    with pytest.raises(ShapeError, match="at most 6"):
        FNetEncoder(11, 8, 2, 6)(torch.zeros(1, 7, dtype=torch.int64))


def _brackets(count, pairs):
    """A code for the start, openings of two kinds and their closings; in half of them one is wrong."""
    generator = torch.Generator().manual_seed(0)
    opened = torch.randint(0, 2, (count, pairs), generator=generator)
    matched = torch.randint(0, 2, (count,), generator=generator)
    wrong = torch.randint(0, pairs, (count, 1), generator=generator)
    closed = opened.scatter(1, wrong, opened.gather(1, wrong) ^ (1 - matched[:, None]))
    start = torch.full((count, 1), 4)
    return torch.cat([start, opened, 2 + closed.flip(1)], 1), matched


@pytest.mark.slow
def test_brackets_are_matched_by_an_encoder_that_mixes_and_not_by_its_twin_that_does_not():
    codes, matched = _brackets(6000, 3)

    def accuracy(mixing):
        torch.manual_seed(0)
        network = FNetClassifier(FNetEncoder(5, 32, 2, 7, mixing=mixing, dropout=0.0), 2)
        fit(network, codes[:5000], matched[:5000], steps=600, recipe=Recipe(batch=64, learning_rate=2e-3))
        return (predict(network, codes[5000:]) == matched[5000:]).float().mean().item()

    mixes, does_not = accuracy(fourier_mixing), accuracy(no_mixing)
    print(f"brackets: FNet {mixes:.3f}, without mixing {does_not:.3f}")
    assert mixes > 0.9
    assert does_not < 0.6
