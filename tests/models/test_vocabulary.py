"""Norms, blocks, heads and frames that the networks share."""

import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.models.channel_mlp import ChannelMlp, GatedMlp
from circulant.models.channel_norm import ChannelLayerNorm, ChannelRMSNorm
from circulant.models.heads import PoolHead
from circulant.models.language_model import LanguageModel, mixing_layer
from circulant.models.residual import DropPath, Residual
from circulant.models.unet import UNet


def test_channel_norms_see_one_position_at_a_time():
    x = torch.randn(2, 5, 3, 4, dtype=torch.float64)
    layer, rms = ChannelLayerNorm(5).double()(x), ChannelRMSNorm(5).double()(x)
    at = x[1, :, 2, 1]
    assert_close(layer[1, :, 2, 1], (at - at.mean()) / (at.var(correction=0) + 1e-5).sqrt())
    assert_close(rms[1, :, 2, 1], at / (at.square().mean() + 1e-6).sqrt())


def test_mlps_keep_the_grid_and_see_one_position_at_a_time():
    x = torch.randn(2, 4, 3, 5)
    for mlp, channels in ((ChannelMlp(4, 8, 6), 6), (GatedMlp(4, 8), 4)):
        y = mlp(x)
        assert y.shape == (2, channels, 3, 5)
        assert_close(mlp(x[:, :, 1:2]), y[:, :, 1:2])


def test_a_residual_starts_at_its_scale():
    x = torch.randn(2, 4, 6)
    assert_close(Residual(nn.Identity(), channels=4, scale=0.5)(x), 1.5 * x)
    norm = ChannelLayerNorm(4)
    assert_close(Residual(nn.Identity(), norm)(x), x + norm(x))
    assert_close(Residual(nn.Identity(), norm, post_norm=True)(x), norm(2 * x))


def test_drop_path_drops_whole_examples_in_training_only_and_keeps_the_mean():
    x = torch.ones(4000, 2, 3)
    dropped = DropPath(0.25)
    kept = dropped.train()(x)[:, 0, 0]
    assert set(kept.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert abs(kept.mean() - 1) < 0.05
    assert dropped.eval()(x) is x


def test_the_head_averages_positions():
    head = PoolHead(3, 2)
    x = torch.randn(2, 3, 4, 5)
    assert_close(head(x), head.classify(x.mean((2, 3))))


def test_a_language_model_of_causal_layers_is_causal():
    causal = nn.Sequential(nn.ConstantPad1d((1, 0), 0.0), nn.Conv1d(8, 8, 2))
    model = LanguageModel(11, 8, [mixing_layer(8, causal)], positions=12).double()
    codes = torch.randint(11, (2, 12))
    changed = codes.clone()
    changed[:, 7] = (changed[:, 7] + 1) % 11
    before, after = model(codes), model(changed)
    assert before.shape == (2, 11, 12)
    assert torch.equal(before[..., :7], after[..., :7])
    assert not torch.equal(before[..., 7], after[..., 7])


def test_a_unet_brings_every_skip_to_its_own_level():
    frame = UNet(
        encoders=[nn.Identity(), nn.Identity()],
        downs=[nn.MaxPool1d(2, ceil_mode=True)] * 2,
        middle=nn.Identity(),
        ups=[nn.Upsample(scale_factor=2)] * 2,
        decoders=[nn.Identity(), nn.Identity()],
        head=nn.Identity(),
    )
    x = torch.randn(1, 1, 7)  # 7, 4, 2 samples
    y = frame(x)
    assert y.shape == (1, 3, 7)
    assert torch.equal(y[:, 2:], x)  # the finest skip comes last
    assert torch.equal(
        y[:, 1:2], torch.nn.functional.max_pool1d(x, 2, ceil_mode=True).repeat_interleave(2, -1)[..., :7]
    )
