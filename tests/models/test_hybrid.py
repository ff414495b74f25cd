"""Hybrids: which layers attend to all, what must be remembered, and going on where one stopped."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.models.causal_attention import CausalAttention
from circulant.models.hybrid import PUBLISHED_RATIOS, HybridSequenceModel, LinearMixer, mixer_builder
from circulant.models.streaming import state_numbers

NUMBERS = {  # of the state of each mixer for C channels in H heads
    LinearMixer.RETENTION: lambda C, H: C // H * 2 * C,
    LinearMixer.GATED_LINEAR_ATTENTION: lambda C, H: C // 2 // H * C,
    LinearMixer.HGRN2: lambda C, H: C // H * C,
    LinearMixer.DELTA_RULE: lambda C, H: C // H * C + 3 * 3 * C,
    LinearMixer.GATED_DELTA_NET: lambda C, H: 2 * H * (3 * C // 4 // H) ** 2 + 3 * 3 * C,
}


def hybrid(kind, ratio, depth=4, channels=16, heads=2):
    torch.manual_seed(0)
    return HybridSequenceModel(
        11, channels, depth, mixer_builder(kind, channels, heads, depth), ratio, heads=heads
    )


@pytest.mark.parametrize("ratio", PUBLISHED_RATIOS)
def test_every_layer_after_n_linear_ones_is_full_attention(ratio):
    build = mixer_builder(LinearMixer.DELTA_RULE, 8, 2, 50)
    model = HybridSequenceModel(5, 8, 50, build, ratio, heads=2)
    full = [isinstance(layer[0].branch, CausalAttention) for layer in model.network.layers]
    assert full == [number % (ratio + 1) == ratio for number in range(50)]
    assert sum(full) == 50 // (ratio + 1)


def test_none_is_linear_throughout_and_zero_full_attention_throughout():
    assert hybrid(LinearMixer.HGRN2, None).full == (False,) * 4
    assert hybrid(LinearMixer.HGRN2, 0).full == (True,) * 4


@pytest.mark.parametrize("ratio", [None, 0, 1, 3])
@pytest.mark.parametrize("kind", LinearMixer)
def test_the_bytes_to_remember_are_those_of_the_formula_and_those_of_a_real_state(kind, ratio):
    model, length = hybrid(kind, ratio), 13
    full = 0 if ratio is None else 4 // (ratio + 1)
    formula = 4 * (full * 2 * 16 * length + (4 - full) * NUMBERS[kind](16, 2))
    assert model.state_byte(length) == formula
    state = model.initial_state(3)
    with torch.no_grad():
        for chunk in torch.randint(11, (3, length)).split(5, dim=1):
            _, state = model.step(chunk, state)
    assert 4 * state_numbers(state) == 3 * formula


@pytest.mark.parametrize("kind", LinearMixer)
def test_a_text_taken_in_pieces_is_predicted_as_in_one_go(kind):
    model = hybrid(kind, 1).double()
    codes = torch.randint(11, (2, 12))
    state = model.initial_state(2)
    pieces = []
    for chunk in codes.split([1, 4, 1, 6], dim=1):
        logits, state = model.step(chunk, state)
        pieces.append(logits)
    assert_close(torch.cat(pieces, -1), model(codes), 1e-6)


def test_causal_attention_in_pieces_equals_one_go_and_sees_distances_alone():
    attention = CausalAttention(8, 2).double()
    x = torch.randn(2, 8, 10, dtype=torch.float64)
    state, pieces = attention.initial_state(2, dtype=torch.float64), []
    for chunk in x.split([3, 1, 6], dim=2):
        y, state = attention.step(chunk, state)
        pieces.append(y)
    assert_close(torch.cat(pieces, 2), attention(x), 1e-10)
    q, k, _ = attention._heads_of(x, 0)
    later_q, later_k, _ = attention._heads_of(x, 25)
    assert_close(later_q @ later_k.mT, q @ k.mT, 1e-10)


def test_a_negative_ratio_is_refused():
    with pytest.raises(ArgumentError, match="linear_per_full of 0 or more"):
        hybrid(LinearMixer.HGRN2, -1)
