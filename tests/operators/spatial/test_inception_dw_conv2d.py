"""Inception depthwise convolution: an identity and three separate convolutions, and all of it as one."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.spatial.inception_dw_conv2d import InceptionDWConv2d

C, G = 16, 2


def operator() -> InceptionDWConv2d:
    torch.manual_seed(0)
    return InceptionDWConv2d(C, dtype=torch.float64)


def picture() -> torch.Tensor:
    return torch.randn(2, C, 13, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_first_channels_pass_and_the_others_meet_a_square_a_row_and_a_column():
    module, x = operator(), picture()
    state = module.state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == {
        "square.weight": (G, 1, 3, 3),
        "square.bias": (G,),
        "wide.weight": (G, 1, 1, 11),
        "wide.bias": (G,),
        "tall.weight": (G, 1, 11, 1),
        "tall.bias": (G,),
    }
    parts = [x[:, : C - 3 * G]]
    for start, name, padding in ((10, "square", (1, 1)), (12, "wide", (0, 5)), (14, "tall", (5, 0))):
        own = x[:, start : start + G]
        parts.append(F.conv2d(own, state[f"{name}.weight"], state[f"{name}.bias"], padding=padding, groups=G))
    y = module(x)
    assert torch.equal(y[:, : C - 3 * G], parts[0])
    assert_close(y, torch.cat(parts, dim=1))


@pytest.mark.parametrize("sizes", [(3, 11), (5, 3), (1, 7)])
def test_equals_one_depthwise_convolution_with_the_kernels_embedded(sizes):
    torch.manual_seed(0)
    module, x = InceptionDWConv2d(C, *sizes, dtype=torch.float64), picture()
    conv = module.to_conv()
    assert conv.weight.shape == (C, 1, max(sizes), max(sizes))
    assert_close(conv(x), module(x))


def test_work_per_position_is_that_of_31_taps_for_an_eighth_of_the_channels():
    assert operator().cost((1, C, 7, 5)).flop == 2 * 7 * 5 * (C // 8) * (9 + 11 + 11)


@pytest.mark.parametrize("channels", [96, 100, 33])
def test_branches_have_the_rounded_down_share_of_the_channels(channels):
    assert InceptionDWConv2d(channels, device="meta").branch_channels == channels // 8


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((7,), "branch_ratio"),
        ((8, 3, 11, 0.5), "branch_ratio"),
        ((8, 2), "odd square_kernel"),
        ((8, 3, -1), "odd band_kernel"),
    ],
)
def test_settings_that_leave_a_branch_empty_or_off_centre_are_refused(arguments, words):
    with pytest.raises(ArgumentError, match=words):
        InceptionDWConv2d(*arguments)
