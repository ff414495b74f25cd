"""Attention inside blocks: dense attention under a mask of blocks, causal or not; nothing between blocks."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.sequence.diag_attention1d import DiagAttention1d
from circulant.operators.sequence.heads import join_heads, split_heads


def dense_under_a_mask(module, x, mask):
    rows = x.transpose(1, 2)
    q, k, v = (split_heads(p(rows), module.heads) for p in (module.query, module.key, module.value))
    attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return module.output(join_heads(attended)).transpose(1, 2)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("length", "block"), [(12, 4), (13, 4), (3, 4), (7, 1), (64, 64), (65, 64)])
def test_it_is_dense_attention_under_a_mask_of_blocks(length, block, bidirectional):
    module = DiagAttention1d(8, 2, block, bidirectional=bidirectional).double()
    x = torch.randn(2, 8, length, dtype=torch.float64)
    number = torch.arange(length) // block
    mask = number[:, None] == number
    if not bidirectional:
        mask &= torch.ones(length, length, dtype=torch.bool).tril()
    assert_close(module(x), dense_under_a_mask(module, x, mask), 1e-10)


def test_what_is_kept_for_streaming_never_fills_a_block():
    module = DiagAttention1d(4, 1, block=5)
    state = module.initial_state(2)
    kept = []
    for chunk in (1, 3, 1, 12, 4):
        _, state = module.step(torch.randn(2, 4, chunk), state)
        kept.append(state.keys.shape[2])
    assert kept == [1, 4, 0, 2, 1]


def test_work_is_linear_in_the_length():
    module = DiagAttention1d(8, 2, 16)
    assert module.cost((1, 8, 1600)).flop == 100 * module.cost((1, 8, 16)).flop


def test_attention_in_both_directions_cannot_stream():
    with pytest.raises(ArgumentError, match="leave it out"):
        DiagAttention1d(4, 2, bidirectional=True).initial_state(1)
