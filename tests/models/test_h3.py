"""A model of H3 layers: causal, and able to look up what a diagonal state-space model cannot."""

import pytest
import torch

from circulant.data.associative_recall import associative_recall
from circulant.models.channel_mlp import ChannelMlp
from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.h3 import h3_language_model
from circulant.models.language_model import LanguageModel
from circulant.models.residual import Residual
from circulant.operators.sequence.diagonal_ssm import DiagonalSsm
from circulant.train.fit import fit
from circulant.train.recipe import Recipe

KEYS = VALUES = 8
WIDTH, DEPTH, STATES = 32, 2, 16


def test_a_code_changes_no_logit_before_it():
    model = h3_language_model(11, 8, 2, states=4, head_channels=2).double()
    codes = torch.randint(11, (2, 12))
    changed = codes.clone()
    changed[:, 7] = (changed[:, 7] + 1) % 11
    before, after = model(codes), model(changed)
    assert before.shape == (2, 11, 12)
    torch.testing.assert_close(before[..., :7], after[..., :7], rtol=0, atol=1e-12)
    assert not torch.equal(before[..., 7], after[..., 7])


def diagonal_language_model():
    """The same network with a diagonal state-space model in the place of each H3."""
    layers = []
    for _ in range(DEPTH):
        layers.append(Residual(DiagonalSsm(WIDTH, STATES), ChannelLayerNorm(WIDTH)))
        layers.append(Residual(ChannelMlp(WIDTH, 4 * WIDTH), ChannelLayerNorm(WIDTH)))
    return LanguageModel(KEYS + VALUES, WIDTH, layers, norm=ChannelLayerNorm(WIDTH))


def recalled(network):
    """Share of last answers that are right after a short training on sequences of 32 codes."""
    drawn = (associative_recall(count, 32, KEYS, VALUES, seed) for count, seed in ((4096, 1), (1000, 2)))
    (x, y), (x_test, y_test) = (
        (torch.from_numpy(part.codes), torch.from_numpy(part.answers)) for part in drawn
    )
    recipe = Recipe(batch=64, weight_decay=0.0)
    fit(network, x, y, steps=150, loss=torch.nn.functional.cross_entropy, recipe=recipe)
    with torch.no_grad():
        return (network(x_test)[:, :, -1].argmax(1) == y_test[:, -1]).float().mean().item()


@pytest.mark.slow
def test_h3_recalls_what_a_diagonal_state_space_model_alone_does_not():
    torch.manual_seed(0)
    h3 = recalled(h3_language_model(KEYS + VALUES, WIDTH, DEPTH, states=STATES, head_channels=8))
    alone = recalled(diagonal_language_model())
    assert h3 > alone + 0.2
