"""Attention in windows and with coarser keys, beside explicit sums."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.models.token_attention import SpatialReductionAttention, WindowAttention


def by_pairs(layer, x, shift):
    """Softmax over the pixels of the same window, one query at a time."""
    (B, C, H, W), n, heads = x.shape, layer.window, layer.heads
    q, k, v = layer.qkv(x.movedim(1, -1)).unflatten(-1, (3, heads, C // heads)).unbind(3)
    y = torch.zeros(B, H, W, heads, C // heads, dtype=x.dtype)
    for i in range(H):
        for j in range(W):
            window = [
                (a, b)
                for a in range(H)
                for b in range(W)
                if (a - shift) // n == (i - shift) // n and (b - shift) // n == (j - shift) // n
            ]
            bias = torch.stack([layer.relative[:, a - i + n - 1, b - j + n - 1] for a, b in window], -1)
            keys = torch.stack([k[:, a, b] for a, b in window], -1)
            values = torch.stack([v[:, a, b] for a, b in window], -2)
            score = torch.einsum("bhd,bhdn->bhn", q[:, i, j], keys) / (C // heads) ** 0.5 + bias
            y[:, i, j] = torch.einsum("bhn,bhnd->bhd", score.softmax(-1), values)
    return layer.project(y.flatten(3)).movedim(-1, 1)


@pytest.mark.parametrize(("window", "shift"), [(3, 0), (3, 1), (4, 2), (7, 3)])
@pytest.mark.parametrize("spatial", [(6, 6), (5, 7)])
def test_window_attention_is_the_softmax_over_the_pixels_of_the_window(window, shift, spatial):
    layer = WindowAttention(4, 2, window, shift).double()
    torch.nn.init.normal_(layer.relative)
    x = torch.randn(2, 4, *spatial, dtype=torch.float64)
    torch.testing.assert_close(layer(x), by_pairs(layer, x, shift), atol=1e-12, rtol=0)


def test_reduced_keys_are_those_of_the_coarser_picture():
    layer = SpatialReductionAttention(6, 3, 2).double()
    x = torch.randn(2, 6, 4, 8, dtype=torch.float64)
    keys, values = layer.kv(layer.reduce(x).flatten(2).mT).chunk(2, -1)
    expected = torch.zeros(2, 32, 6, dtype=torch.float64)
    for head in range(3):
        part = slice(2 * head, 2 * head + 2)
        score = layer.q(x.flatten(2).mT)[..., part] @ keys[..., part].mT / 2**0.5
        expected[..., part] = score.softmax(-1) @ values[..., part]
    expected = layer.project(expected).mT.reshape(x.shape)
    torch.testing.assert_close(layer(x), expected, atol=1e-12, rtol=0)


def test_sides_that_the_reduction_does_not_divide_keep_their_last_pixels():
    layer = SpatialReductionAttention(4, 1, 4)
    x = torch.randn(1, 4, 5, 6, requires_grad=True)
    layer(x)[0, :, 0, 0].sum().backward()
    assert x.grad[0, :, -1, -1].abs().max() > 0


@pytest.mark.parametrize("build", [lambda: WindowAttention(4, 3), lambda: SpatialReductionAttention(4, 0)])
def test_heads_that_do_not_divide_the_channels_are_refused(build):
    with pytest.raises(ArgumentError, match="heads to divide"):
        build()


def test_a_shift_of_the_whole_window_is_refused():
    with pytest.raises(ArgumentError, match="window above the shift"):
        WindowAttention(4, 1, 3, 3)
