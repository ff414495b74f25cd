"""Attention in chunks against one attention with a mask of blocks."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.sequence.chunk_attention import chunk_attention
from circulant.operators.sequence.chunked_attention1d import ChunkedAttention1d


@pytest.mark.parametrize("length", [1, 4, 7, 12, 13])
@pytest.mark.parametrize("causal", [True, False])
def test_chunks_are_one_attention_with_a_mask_of_blocks(length, causal):
    generator = torch.Generator().manual_seed(0)
    q, k, v, bias = (
        torch.randn(size, dtype=torch.float64, generator=generator)
        for size in ((2, length, 3), (2, length, 3), (2, length, 5), (7,))
    )
    place = torch.arange(length)
    lag = place[:, None] - place
    seen = place[:, None] // 4 == place // 4
    mask = seen & (lag >= 0) if causal else seen
    added = bias[(3 - lag).clamp(0, 6)].masked_fill(~mask, float("-inf"))
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=added)
    assert_close(chunk_attention(q, k, v, bias, causal=causal), expected)


def test_nothing_crosses_the_border_of_a_chunk():
    torch.manual_seed(0)
    module = ChunkedAttention1d(4, 8, causal=False, dtype=torch.float64)
    x = torch.randn(1, 4, 24, dtype=torch.float64)
    other = x.clone()
    other[..., 9] += 1
    changed = (module(x) - module(other)).abs().amax((0, 1)) > 0
    assert changed.nonzero().flatten().tolist() == list(range(8, 16))


def test_what_comes_later_does_not_change_a_bit():
    torch.manual_seed(0)
    module, x = ChunkedAttention1d(4, 8, dtype=torch.float64), torch.randn(2, 4, 30, dtype=torch.float64)
    other = x.clone()
    other[..., 13:] = 100
    assert torch.equal(module(x)[..., :13], module(other)[..., :13])


def test_two_way_attention_honours_its_reference_and_refuses_to_stream():
    from circulant.operators.sequence.chunked_attention1d import reference

    torch.manual_seed(0)
    module, x = ChunkedAttention1d(3, 4, causal=False).double(), torch.randn(2, 3, 10, dtype=torch.float64)
    assert_close(module(x), reference(x, dict(module.named_parameters()), chunk=4, causal=False))
    with pytest.raises(ArgumentError, match="expected causal attention"):
        module.initial_state(1)


def test_the_state_of_a_stream_is_less_than_a_chunk():
    module = ChunkedAttention1d(3, 4)
    state = module.initial_state(2)
    for n, kept in ((3, 3), (1, 0), (6, 2), (9, 3)):
        _, state = module.step(torch.randn(2, 3, n), state)
        assert state.shape == (2, 3, kept)


def test_predicted_work_is_linear_in_the_length():
    module = ChunkedAttention1d(8, 16)
    a, b, c = (module.cost((2, 8, length)).flop for length in (160, 320, 480))
    assert c - b == b - a


def test_empty_sizes_are_refused():
    with pytest.raises(ArgumentError, match="of 1 or more"):
        ChunkedAttention1d(4, 0)
