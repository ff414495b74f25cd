"""TransNormer: which attention stands where, causal, and in pieces as in one go."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.models.transnormer import TransNormer
from circulant.operators.sequence.diag_attention1d import DiagAttention1d
from circulant.operators.sequence.norm_attention1d import NormAttention1d


@pytest.mark.parametrize("depth", [2, 5, 6])
def test_the_first_half_of_the_layers_is_diagonal_attention_and_the_second_norm_attention(depth):
    kinds = [type(layer[0].branch) for layer in TransNormer(7, 8, depth).network.layers]
    assert kinds == [DiagAttention1d] * (depth // 2) + [NormAttention1d] * (depth - depth // 2)


def test_no_character_is_predicted_from_a_later_one():
    model = TransNormer(7, 8, 4, block=4).double()
    codes = torch.randint(7, (2, 14))
    other = codes.clone()
    other[:, 9] = (other[:, 9] + 1) % 7
    before, after = model(codes), model(other)
    assert_close(after[..., :9], before[..., :9], 1e-12)
    assert not torch.equal(after[..., 9:], before[..., 9:])


def test_a_text_taken_in_pieces_is_predicted_as_in_one_go():
    model = TransNormer(7, 8, 4, block=4).double()
    codes = torch.randint(7, (2, 14))
    state, pieces = model.initial_state(2), []
    for chunk in codes.split([1, 6, 2, 5], dim=1):
        logits, state = model.step(chunk, state)
        pieces.append(logits)
    assert_close(torch.cat(pieces, -1), model(codes), 1e-6)


def test_what_it_cannot_do_is_refused():
    with pytest.raises(ArgumentError, match="depth of 2 or more"):
        TransNormer(7, 8, 1)
    with pytest.raises(ArgumentError, match="leave them out"):
        TransNormer(7, 8, 2, positions=9).initial_state(1)
