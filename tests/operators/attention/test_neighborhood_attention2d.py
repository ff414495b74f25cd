"""What neighbourhood attention must hold beyond the contract."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.attention.neighborhood_attention2d import NeighborhoodAttention2d, axis_tiles

torch.set_num_threads(1)


def built(*args, **kwargs):
    torch.manual_seed(0)
    module = NeighborhoodAttention2d(*args, dtype=torch.float64, **kwargs)
    torch.nn.init.normal_(module.relative_bias)
    return module


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def window_start(position, length, window):
    """Of the generalised form with stride 1: the window's centre is kept away from both ends."""
    last = length - 1 - (window // 2 + window % 2 - 1)
    centre = min(max(position, window // 2), last)
    return centre - window // 2


def neighbourhood_mask(H, W, window):
    """(H W, H W), by its definition for one pair at a time."""
    mask = torch.zeros(H, W, H, W, dtype=torch.bool)
    for i in range(H):
        for j in range(W):
            top, left = window_start(i, H, window), window_start(j, W, window)
            mask[i, j, top : top + window, left : left + window] = True
    return mask.flatten(2).flatten(0, 1)


def offset_bias(module, H, W):
    """(heads, H W, H W); zero for offsets that the table does not hold."""
    reach = module.kernel_size - 1
    bias = torch.zeros(module.heads, H, W, H, W, dtype=torch.float64)
    for i in range(H):
        for j in range(W):
            for m in range(H):
                for n in range(W):
                    if max(abs(m - i), abs(n - j)) <= reach:
                        bias[:, i, j, m, n] = module.relative_bias[:, m - i + reach, n - j + reach]
    return bias.flatten(3).flatten(1, 2)


@pytest.mark.parametrize(
    ("H", "W", "window", "heads"),
    [(5, 6, 3, 1), (7, 7, 7, 2), (9, 7, 5, 2), (6, 11, 4, 2), (8, 5, 1, 4), (13, 3, 2, 1)],
)
def test_it_equals_full_attention_with_the_neighbourhood_mask(H, W, window, heads):
    module, x = built(4, window, heads), random(2, 4, H, W)
    q, k, v = module.qkv(x.flatten(2).mT).unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
    with torch.no_grad():
        logits = q @ k.mT / (4 / heads) ** 0.5 + offset_bias(module, H, W)
    mask = neighbourhood_mask(H, W, window)
    attended = logits.masked_fill(~mask, -torch.inf).softmax(-1) @ v
    expected = module.out(attended.transpose(1, 2).flatten(2)).mT.unflatten(2, (H, W))
    assert_close(module(x), expected, 1e-10)


@pytest.mark.parametrize("window", [2, 3, 7])
@pytest.mark.parametrize("length", [7, 8, 14, 19])
def test_every_query_has_as_many_keys_as_the_window_is_wide(length, window):
    tiles = axis_tiles(length, window, torch.device("cpu"))
    assert (tiles.offsets < 2 * window - 1).sum(-1).unique().tolist() == [window]
    assert tiles.queries.flatten()[:length].tolist() == list(range(length))


def test_with_alike_keys_it_is_a_depthwise_convolution_with_the_normalised_kernel():
    channels, window = 4, 5
    module, x = built(channels, window, channels, bias=False), random(2, channels, 11, 12)
    kernel = torch.rand(channels, window, window, dtype=torch.float64) + 0.1
    with torch.no_grad():
        module.qkv.weight[: 2 * channels] = 0
        module.qkv.weight[2 * channels :] = torch.eye(channels)
        module.out.weight.copy_(torch.eye(channels))
        centre = slice(window // 2, window // 2 + window)
        module.relative_bias[:, centre, centre] = kernel.log()
    normalised = kernel / kernel.sum((1, 2), keepdim=True)
    interior = slice(window // 2, -(window // 2))
    expected = F.conv2d(x, normalised[:, None], groups=channels)
    assert_close(module(x)[:, :, interior, interior], expected, 1e-12)


def test_a_pixel_far_from_the_window_does_not_matter_and_one_inside_does():
    module, x = built(2, 3), random(1, 2, 9, 9)
    changed = x.clone()
    changed[:, :, 4, 4] += 1
    moved = (module(changed) - module(x)).abs().amax((0, 1)) > 0
    expected = torch.zeros(9, 9, dtype=torch.bool)
    expected[3:6, 3:6] = True
    assert torch.equal(moved, expected)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_only_the_offset_table_grows_with_the_window(heads):
    def count(window):
        module = NeighborhoodAttention2d(8, window, heads, device="meta")
        return sum(value.numel() for value in module.parameters())

    projections = 4 * 8 * 8 + 4 * 8
    for window in (1, 3, 7, 12):
        assert count(window) == projections + heads * (2 * window - 1) ** 2


def test_few_keys_are_gathered_for_each_pixel():
    tiles = axis_tiles(56, 7, torch.device("cpu"))
    assert (tiles.keys.numel() / 56) ** 2 == pytest.approx((2 - 1 / 7) ** 2)


@pytest.mark.parametrize(
    ("options", "says"), [({"heads": 3}, "heads to divide"), ({"kernel_size": 0}, "kernel_size of 1")]
)
def test_arguments_that_make_no_window_are_refused(options, says):
    with pytest.raises(ArgumentError, match=says):
        NeighborhoodAttention2d(4, **options)
