"""Window attention as full attention under masks."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.spectral.frequency_decomposition_window_attention2d import (
    FrequencyDecompositionWindowAttention2d,
)

WINDOWS = ((8, 8), (2, 2), (2, 8), (8, 2))  # for a base window of 4


def full_attention(module, x, shifted):
    """torch's attention over all positions, with -inf wherever two positions share no window."""
    B, C, H, W = x.shape
    heads = module.heads // 4
    q, k, v = F.conv2d(x, module.qkv.weight).chunk(3, 1)
    rows, columns = torch.arange(H).repeat_interleave(W), torch.arange(W).repeat(H)
    made = []
    for number, ((h, w), bias) in enumerate(zip(WINDOWS, module.bias)):
        moves = (h - h // 2, w - w // 2) if shifted else (0, 0)
        r, c = rows + moves[0], columns + moves[1]
        together = (r[:, None] // h == r // h) & (c[:, None] // w == c // w)
        down, right = (r[:, None] - r).clamp(1 - h, h - 1), (c[:, None] - c).clamp(1 - w, w - 1)
        mask = bias[:, (down + h - 1) * (2 * w - 1) + right + w - 1].masked_fill(~together, float("-inf"))
        parts = [
            t[:, number * C // 4 : (number + 1) * C // 4].reshape(B, heads, -1, H * W).mT for t in (q, k, v)
        ]
        y = F.scaled_dot_product_attention(*parts, attn_mask=mask)
        made.append(y.mT.reshape(B, C // 4, H, W))
    return F.conv2d(torch.cat(made, 1), module.out.weight, module.out.bias)


@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("size", [(16, 16), (8, 24), (11, 7)])
def test_it_is_full_attention_between_positions_of_one_window(size, shifted):
    torch.manual_seed(0)
    module = FrequencyDecompositionWindowAttention2d(16, 8, 4, shifted=shifted, dtype=torch.float64)
    with torch.no_grad():
        for bias in module.bias:
            bias.normal_()
    x = torch.randn(2, 16, *size, dtype=torch.float64)
    assert_close(module(x), full_attention(module, x, shifted), 1e-10)


def test_a_shift_joins_what_windows_kept_apart():
    torch.manual_seed(0)
    x = torch.randn(1, 4, 16, 16, dtype=torch.float64, requires_grad=True)
    for shifted in (False, True):
        module = FrequencyDecompositionWindowAttention2d(4, 4, 4, shifted=shifted, dtype=torch.float64)
        (slope,) = torch.autograd.grad(module(x)[0, :, 7, 7].sum(), x)
        assert (slope[0, :, 8, 8].abs().max() > 0) == shifted
        assert slope[0, :, 15, 15].abs().max() == 0


def test_the_parameters_are_those_of_the_published_layer():
    module = FrequencyDecompositionWindowAttention2d(96, 8)
    offsets = 31 * 31 + 7 * 7 + 7 * 31 + 31 * 7
    assert sum(parameter.numel() for parameter in module.parameters()) == 4 * 96**2 + 96 + 2 * offsets


@pytest.mark.parametrize(("heads", "window"), [(6, 8), (4, 3), (0, 8)])
def test_settings_that_do_not_fit_are_refused(heads, window):
    with pytest.raises(ArgumentError, match="expected"):
        FrequencyDecompositionWindowAttention2d(24, heads, window)
