"""What halo attention must hold beyond the contract."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.attention.blocks import axis_blocks
from circulant.operators.attention.halo_attention2d import HaloAttention2d

torch.set_num_threads(1)


def built(*args, **kwargs):
    torch.manual_seed(0)
    return HaloAttention2d(*args, dtype=torch.float64, **kwargs)


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def axis_pairs(length, far, module):
    """For all queries and keys of an axis padded to `far`: whether they meet, and their row in the tables."""
    b, h = module.block_size, module.halo_size
    query, key = torch.arange(far)[:, None], torch.arange(far)
    start = query // b * b
    meets = (key >= start - h) & (key < start + b + h)
    row = (key - (start - h)) - (query - start) + b + 2 * h - 1
    return meets, row.clamp(0, 2 * (b + 2 * h) - 2)


def dense(module, x, margin=0):
    """Attention among all pixels of x with zeros of that margin around, under the block and halo mask."""
    heads, d = module.heads, module.head_channels
    padded = F.pad(x, (margin,) * 4)
    H, W = padded.shape[2:]
    tokens = padded.flatten(2).mT
    q = module.q(tokens).unflatten(-1, (heads, d)).transpose(1, 2)
    k, v = module.kv(tokens).unflatten(-1, (2, heads, d)).permute(2, 0, 3, 1, 4)
    (rows_meet, rows), (columns_meet, columns) = axis_pairs(H, H, module), axis_pairs(W, W, module)
    mask = (rows_meet[:, None, :, None] & columns_meet[None, :, None]).flatten(2).flatten(0, 1)
    table = module.down[rows][:, None, :, None] + module.across[columns][None, :, None]
    relative = torch.einsum("bhqd,qkd->bhqk", q, table.flatten(2, 3).flatten(0, 1))
    if module.scale_relative:
        relative = relative / d**0.5
    logits = (q @ k.mT / d**0.5 + relative).masked_fill(~mask, -torch.inf)
    y = (logits.softmax(-1) @ v).transpose(1, 2).flatten(2).mT.unflatten(2, (H, W))
    return y[:, :, margin : H - margin, margin : W - margin] if margin else y


@pytest.mark.parametrize("scale_relative", [False, True])
@pytest.mark.parametrize(
    ("H", "W", "block", "halo", "heads"),
    [(6, 8, 2, 1, 1), (8, 8, 4, 3, 2), (7, 9, 3, 2, 2), (5, 4, 8, 3, 1), (6, 6, 2, 5, 4)],
)
def test_it_equals_dense_attention_with_the_block_and_halo_mask(H, W, block, halo, heads, scale_relative):
    module, x = built(4, block, halo, heads, scale_relative=scale_relative), random(2, 4, H, W)
    assert_close(module(x), dense(module, x), 1e-8)


@pytest.mark.parametrize(("block", "halo"), [(2, 1), (3, 3), (4, 2), (4, 0)])
def test_unmasked_it_equals_dense_attention_on_the_zero_padded_map(block, halo):
    module, x = built(4, block, halo, 2, masked=False), random(2, 4, 12, 12)
    margin = -(-halo // block) * block  # whole blocks, so that they stay where they are
    assert_close(module(x), dense(module, x, margin), 1e-8)


def test_padding_takes_its_share_of_the_softmax_at_the_border_only():
    module, x = built(2, 4, 2), random(1, 2, 16, 16)
    masked = module(x)
    module.masked = False
    moved = (module(x) - masked).abs().amax((0, 1)) > 1e-9
    expected = torch.ones(16, 16, dtype=torch.bool)
    expected[4:12, 4:12] = False
    assert torch.equal(moved, expected)


@pytest.mark.parametrize("block", [2, 3])
def test_inside_the_map_a_shift_by_a_block_shifts_the_output(block):
    module, x = built(4, block, 2, 2), random(1, 4, 6 * block, 6 * block)
    shifted = module(x.roll((block, -block), (2, 3)))
    inside = slice(2 * block, -2 * block)
    expected = module(x).roll((block, -block), (2, 3))
    assert_close(shifted[:, :, inside, inside], expected[:, :, inside, inside], 1e-12)


def test_without_a_halo_the_blocks_do_not_know_each_other():
    module, x = built(2, 3, 0), random(1, 2, 6, 9)
    blocks = [module(part) for row in x.split(3, 2) for part in row.split(3, 3)]
    rows = [torch.cat(blocks[start : start + 3], 3) for start in (0, 3)]
    assert_close(module(x), torch.cat(rows, 2), 1e-12)


def test_blocks_of_one_pixel_see_windows_of_2h_plus_1():
    module, x = built(2, 1, 2), random(1, 2, 9, 9)
    changed = x.clone()
    changed[:, :, 4, 5] += 1
    moved = (module(changed) - module(x)).abs().amax((0, 1)) > 0
    expected = torch.zeros(9, 9, dtype=torch.bool)
    expected[2:7, 3:8] = True
    assert torch.equal(moved, expected)


@pytest.mark.parametrize(("block", "halo"), [(8, 3), (7, 3), (4, 0), (1, 2)])
def test_the_share_of_each_pixel_in_the_gathered_keys_is_that_of_the_equation(block, halo):
    blocks = axis_blocks(56, block, halo, 1, torch.device("cpu"))
    gathered = blocks.keys.numel() ** 2
    assert gathered / 56**2 == (block + 2 * halo) ** 2 / block**2


@pytest.mark.parametrize(("H", "W"), [(8, 12), (7, 5)])
def test_with_a_stride_the_output_is_that_of_every_other_pixel(H, W):
    module, strided = built(4, 4, 1, 2), built(4, 4, 1, 2, stride=2)
    strided.load_state_dict(module.state_dict())
    x = random(2, 4, H, W)
    assert_close(strided(x), module(x)[:, :, ::2, ::2], 1e-12)


def test_the_tables_start_with_variance_one_over_the_channels_of_a_head():
    module = built(256, 8, 3, 4)
    assert module.down.shape == (27, 64)
    assert module.down.var().item() == pytest.approx(1 / 64, rel=0.15)
    assert module.across.var().item() == pytest.approx(1 / 64, rel=0.15)
    assert not torch.equal(module.down, module.across)


def test_the_final_map_is_linear_and_an_option():
    plain, projected = built(4, 2, 1), built(4, 2, 1, project=True)
    projected.load_state_dict({**projected.state_dict(), **plain.state_dict()})
    x = random(2, 4, 4, 6)
    expected = projected.out(plain(x).movedim(1, -1)).movedim(-1, 1)
    assert_close(projected(x), expected, 1e-12)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"heads": 3}, "heads to divide"),
        ({"block_size": 0}, "block_size of 1"),
        ({"halo_size": -1}, "halo_size of 0"),
        ({"stride": 3}, "stride to divide"),
    ],
)
def test_arguments_that_make_no_blocks_are_refused(options, says):
    with pytest.raises(ArgumentError, match=says):
        HaloAttention2d(4, **options)
