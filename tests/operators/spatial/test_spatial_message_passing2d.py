"""Messages from slice to slice: the recurrence, the global operator it amounts to, and who hears whom."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.spatial.spatial_message_passing2d import Direction, SpatialMessagePassing2d

C, H, W, K = 3, 6, 7, 5


def operator(*directions: Direction, linear: bool = False) -> SpatialMessagePassing2d:
    """Kernels large enough to be heard far away."""
    torch.manual_seed(0)
    named = {"directions": directions} if directions else {}
    module = SpatialMessagePassing2d(C, K, linear=linear, dtype=torch.float64, **named)
    nn.init.normal_(module.weight, std=0.3)
    return module


def picture() -> torch.Tensor:
    return torch.randn(2, C, H, W, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_a_zero_kernel_passes_the_picture():
    module, x = operator(), picture()
    nn.init.zeros_(module.weight)
    assert torch.equal(module(x), x)


@pytest.mark.parametrize("linear", [False, True])
def test_four_passes_follow_each_other_down_up_right_and_left(linear):
    module, y = operator(linear=linear), picture()
    bend = (lambda z: z) if linear else torch.relu
    down, up, right, left = module.weight
    for i in range(1, H):
        y[:, :, i] += bend(F.conv1d(y[:, :, i - 1], down, padding=K // 2))
    for i in range(H - 2, -1, -1):
        y[:, :, i] += bend(F.conv1d(y[:, :, i + 1], up, padding=K // 2))
    for j in range(1, W):
        y[..., j] += bend(F.conv1d(y[..., j - 1], right, padding=K // 2))
    for j in range(W - 2, -1, -1):
        y[..., j] += bend(F.conv1d(y[..., j + 1], left, padding=K // 2))
    assert_close(module(picture()), y)


@pytest.mark.parametrize(("direction", "backward"), [(Direction.DOWN, False), (Direction.UP, True)])
def test_a_linear_pass_is_a_masked_global_operator_of_powers_of_one_matrix(direction, backward):
    module, x = operator(direction, linear=True), picture()
    unit = torch.eye(C * W, dtype=torch.float64).reshape(C * W, C, W)
    hop = F.conv1d(unit, module.weight[0], padding=K // 2).flatten(1).T
    every = torch.zeros(H, C * W, H, C * W, dtype=torch.float64)
    for i in range(H):
        for j in range(H):
            distance = j - i if backward else i - j
            if distance >= 0:
                every[i, :, j] = torch.linalg.matrix_power(hop, distance)
    rows = x.transpose(1, 2).flatten(2)
    expected = torch.einsum("ipjq,bjq->bip", every, rows)
    assert_close(module(x).transpose(1, 2).flatten(2), expected)


def test_after_a_downward_pass_the_last_row_hears_of_the_first_and_the_first_of_none():
    for direction, heard, deaf in ((Direction.DOWN, 0, -1), (Direction.UP, -1, 0)):
        module, x = operator(direction), picture().abs().requires_grad_()
        with torch.no_grad():
            module.weight.abs_()
        far = module(x)[:, :, deaf].sum()
        (gradient,) = torch.autograd.grad(far, x)
        assert (gradient[:, :, heard] != 0).all()
        near = module(x)[:, :, heard].sum()
        (gradient,) = torch.autograd.grad(near, x)
        rest = torch.cat([gradient[:, :, i, None] for i in range(H) if i != heard % H], 2)
        assert not rest.any()


@pytest.mark.parametrize(
    ("one", "other", "axis"),
    [(Direction.DOWN, Direction.UP, 2), (Direction.RIGHT, Direction.LEFT, 3)],
)
def test_a_pass_over_the_flipped_picture_is_the_flipped_pass_the_other_way(one, other, axis):
    x = picture()
    assert_close(operator(one)(x.flip(axis)), operator(other)(x).flip(axis))


def test_columns_of_a_picture_are_rows_of_its_transpose():
    x = picture()
    turned = operator(Direction.DOWN)(x.transpose(2, 3)).transpose(2, 3)
    assert_close(operator(Direction.RIGHT)(x), turned)


def test_a_single_slice_hears_nothing():
    x = picture()[:, :, :1]
    assert torch.equal(operator(Direction.DOWN, Direction.UP)(x), x)


def test_kernels_start_at_the_published_spread():
    torch.manual_seed(0)
    module = SpatialMessagePassing2d(128)
    assert module.weight.shape == (4, 128, 128, 9)
    assert module.weight.std().item() == pytest.approx((2 / (9 * 128 * 128 * 5)) ** 0.5, rel=0.01)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"kernel_size": 4}, "odd kernel_size"), ({"directions": ()}, "at least 1 direction")],
)
def test_settings_without_a_centre_or_a_direction_are_refused(settings, words):
    with pytest.raises(ArgumentError, match=words):
        SpatialMessagePassing2d(3, **settings)
