"""Deformable convolution for small hardware: what each restriction leaves, and what it takes."""

from itertools import product
from math import floor

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.operators.dynamic.hardware_deform_conv2d import HardwareDeformConv2d
from circulant.operators.dynamic.tap_places import OffsetForm

I, O, H, W = 3, 4, 6, 5
FORMS = list(OffsetForm)


def operator(ins: int = I, outs: int = O, **settings) -> HardwareDeformConv2d:
    torch.manual_seed(0)
    return HardwareDeformConv2d(ins, outs, dtype=torch.float64, **settings)


def displaced(deviation: float = 1.0, **settings) -> HardwareDeformConv2d:
    """Offsets that differ from place to place and from tap to tap."""
    module = operator(**settings)
    nn.init.normal_(module.places.layer.weight, std=deviation)
    nn.init.normal_(module.places.layer.bias, std=deviation)
    return module


def picture(channels: int = I, height: int = H, width: int = W) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, channels, height, width, dtype=torch.float64, generator=generator)


def deformed(x: torch.Tensor, offset: torch.Tensor, weight: torch.Tensor, stride: int, padding: int):
    """As torchvision.ops.deform_conv2d says: offset (B, 2 K^2, h, w), vertical and horizontal in turn."""
    B, _, h, w = offset.shape
    y = x.new_zeros(B, len(weight), h, w)
    for b, p, q, k in product(range(B), range(h), range(w), range(weight[0, 0].numel())):
        i, j = divmod(k, weight.shape[-1])
        down = stride * p - padding + i + offset[b, 2 * k, p, q]
        right = stride * q - padding + j + offset[b, 2 * k + 1, p, q]
        top, left = floor(down.item()), floor(right.item())
        for u, v in product((top, top + 1), (left, left + 1)):
            if 0 <= u < x.shape[2] and 0 <= v < x.shape[3]:
                nearness = (1 - (down - u).abs()) * (1 - (right - v).abs())
                y[b, :, p, q] += nearness * weight[:, :, i, j] @ x[b, :, u, v]
    return y


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("stride", [1, 2])
def test_at_first_it_is_a_convolution(form, stride):
    module, x = operator(form=form, stride=stride), picture()
    assert_close(module(x), F.conv2d(x, module.weight, stride=stride, padding=1), 1e-12)
    deep = operator(form=form, stride=stride, depthwise=True)
    plain = F.conv2d(deep.pointwise(x), deep.weight, stride=stride, padding=1, groups=O)
    assert_close(deep(x), plain, 1e-12)


@pytest.mark.parametrize("stride", [1, 2])
def test_unrestricted_it_is_the_deformable_convolution_of_torchvision(stride):
    module, x = displaced(form=OffsetForm.FREE, stride=stride), picture()
    assert_close(module(x), deformed(x, module.places.layer(x), module.weight, stride, 1))


@pytest.mark.parametrize("bound", [1, 2, 8])
def test_bounded_it_is_that_of_clamped_offsets(bound):
    module, x = displaced(3.0, bound=bound), picture()
    offset = module.places.layer(x).clamp(-bound, bound)
    assert_close(module(x), deformed(x, offset, module.weight, 1, 1))


@pytest.mark.parametrize("bound", [1, 2, 4])
def test_bounded_an_impulse_reaches_no_further_than_the_bound_and_one_sample_along_each_axis(bound):
    x, middle = torch.zeros(1, 1, 25, 25, dtype=torch.float64), 12
    x[..., middle, middle] = 1
    far = 0
    for seed in range(5):
        module = operator(1, 1, bound=bound)
        torch.manual_seed(seed)
        nn.init.normal_(module.places.layer.weight, std=20)
        nn.init.normal_(module.places.layer.bias, std=20)
        reached = module(x)[0, 0].nonzero()
        far = max(far, (reached - middle).abs().max().item())
    assert far == bound + 1


@pytest.mark.parametrize("scale", [0, 1, 2, 7])
def test_square_with_one_scale_everywhere_it_is_a_dilated_convolution(scale):
    module, x = operator(form=OffsetForm.SQUARE), picture(height=20, width=18)
    nn.init.constant_(module.places.layer.bias, scale)
    wide = 1 + scale
    assert_close(module(x), F.conv2d(x, module.weight, padding=wide, dilation=wide))


def test_square_taps_never_draw_together_nor_spread_beyond_the_bound():
    module, x = displaced(20.0, form=OffsetForm.SQUARE, bound=3), picture()
    places = module.places(x)
    spread = (places[:, 8] - places[:, 4])[:, 0]
    assert spread.min() == 1 and spread.max() == 4
    corner = torch.tensor([1.0, -1.0], dtype=torch.float64)[:, None, None]
    assert_close(places[:, 6], corner * spread[:, None])


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_rounded_it_gathers_whole_samples(form, depthwise):
    module, x = displaced(form=form, depthwise=depthwise, rounded=True).eval(), picture()
    z = module.pointwise(x) if depthwise else x
    places = module.places(z)
    assert torch.equal(places, places.round())
    rows, columns = torch.arange(H)[:, None], torch.arange(W)
    expected = 0
    for k, place in enumerate(places.unbind(1)):
        down, right = rows + place[:, 0].long(), columns + place[:, 1].long()
        inside = (down >= 0) & (down < H) & (right >= 0) & (right < W)
        index = (down.clamp(0, H - 1) * W + right.clamp(0, W - 1)).flatten(1)[:, None]
        met = z.flatten(2).gather(2, index.expand(-1, z.shape[1], -1)).unflatten(2, (H, W)) * inside[:, None]
        expected = expected + F.conv2d(
            met, module.weight[:, :, k // 3, k % 3, None, None], groups=module.groups
        )
    assert_close(module(x), expected)


def test_rounded_it_still_learns_its_offsets_in_training_mode_only():
    for training in (True, False):
        module = displaced(rounded=True).train(training)
        module(picture()).sum().backward()
        slope = module.places.layer.weight.grad
        assert (slope is not None and slope.abs().max() > 0) == training


@pytest.mark.parametrize(
    ("form", "numbers"), [(OffsetForm.FREE, 18), (OffsetForm.BOUND, 18), (OffsetForm.SQUARE, 1)]
)
def test_each_place_is_told_18_numbers_or_for_a_square_one(form, numbers):
    assert operator(form=form).places.layer.out_channels == numbers
    assert operator(form=form, depthwise=True).places.layer.out_channels == numbers


@pytest.mark.parametrize("form", FORMS)
def test_the_layer_of_offsets_sees_its_neighbours_only_where_the_source_has_it_so(form):
    assert operator(form=form).places.layer.kernel_size == ((1, 1) if form is OffsetForm.FREE else (3, 3))
    assert operator(form=form, depthwise=True).places.layer.kernel_size == (1, 1)


def test_multiply_adds_fall_from_form_to_form(capsys):
    """The sums over channels and taps, and the layers of offsets, at 256 channels."""
    C, taps = 256, 9
    counted = {}
    for form, depthwise in product(FORMS, (False, True)):
        module = HardwareDeformConv2d(C, C, form=form, depthwise=depthwise, device="meta")
        counted[form.value, depthwise] = sum(
            parameter.numel() for name, parameter in module.named_parameters() if not name.endswith("bias")
        )
    with capsys.disabled():
        for (form, depthwise), number in counted.items():
            print(
                f"\n{form}{', depthwise' if depthwise else ''}: {number} multiply-adds for each place", end=""
            )
    full = C * C * taps
    assert counted == {
        ("free", False): full + 18 * C,
        ("bound", False): full + 18 * 9 * C,
        ("square", False): full + 9 * C,
        ("free", True): C * C + 9 * C + 18 * C,
        ("bound", True): C * C + 9 * C + 18 * C,
        ("square", True): C * C + 9 * C + C,
    }
