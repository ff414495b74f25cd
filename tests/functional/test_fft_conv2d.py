"""Convolution of images by FFT equals torch's own, whatever the kernel, padding and groups."""

import pytest
import torch
import torch.nn.functional as F

import circulant
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.functional import fft_conv2d


def drawn(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def check(shape, weight, **options):
    """Output and all gradients, against torch."""
    out_channels = weight[0]
    leaves = [drawn(*shape), drawn(*weight, seed=1), drawn(out_channels, seed=2)]
    leaves = [leaf.requires_grad_() for leaf in leaves]
    expected, got = F.conv2d(*leaves, **options), fft_conv2d(*leaves, **options)
    what = f"{shape} with {weight}, {options}"
    assert_close(got, expected, RELATIVE[torch.float64], what)
    cotangent = drawn(*expected.shape, seed=3)
    wanted = torch.autograd.grad(expected, leaves, cotangent)
    for found, want in zip(torch.autograd.grad(got, leaves, cotangent), wanted):
        assert_close(found, want, RELATIVE[torch.float64], f"gradient of {what}")


@pytest.mark.parametrize("first", [1, 17, 33, 49])
def test_every_kernel_from_1_to_63_equals_torch_with_its_gradients(first):
    for k in range(first, min(first + 16, 64)):
        check((1, 2, 33, 35), (2, 1, k, k), padding=k // 2, groups=2)


@pytest.mark.parametrize("padding", [0, 1, 3, (0, 5), 12, "same", "valid"])
@pytest.mark.parametrize("size", [(13, 17), (14, 15)])
@pytest.mark.parametrize("groups", [1, 3, 6])
@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
def test_every_padding_and_group_equals_torch(groups, size, padding):
    check((2, 6, *size), (6, 6 // groups, 5, 4), padding=padding, groups=groups)


@pytest.mark.parametrize("step", [(1, 2), (2, 1), (3, 2)])
def test_strides_and_dilations_equal_torch(step):
    check((2, 4, 21, 19), (6, 2, 5, 3), padding=4, groups=2, stride=step)
    check((2, 4, 21, 19), (6, 2, 5, 3), padding=4, groups=2, dilation=step)


def test_it_is_done_by_transforms_even_where_the_plan_says_otherwise(monkeypatch):
    shapes = []
    transform = torch.fft.rfftn

    def counted(x, *arguments, **named):
        shapes.append(tuple(x.shape))
        return transform(x, *arguments, **named)

    monkeypatch.setattr(torch.fft, "rfftn", counted)
    fft_conv2d(torch.zeros(1, 2, 8, 8), torch.zeros(2, 2, 3, 3))
    assert shapes == [(1, 2, 8, 8), (2, 2, 3, 3)]


def test_boundaries_and_single_images_go_with_it():
    x, weight = drawn(2, 9, 10), drawn(3, 2, 5, 5, seed=1)
    padded = F.pad(x[None], (2, 2, 2, 2), mode="circular")
    y = fft_conv2d(x, weight, padding=2, boundary="circular")
    assert_close(y, F.conv2d(padded, weight)[0])


@pytest.mark.slow
@pytest.mark.parametrize(("k", "wins"), [(3, False), (31, True)])
def test_measured_on_56x56_depthwise_the_fft_wins_at_31_and_loses_at_3(k, wins):
    """Against torch's own kernel in the layout that a network hands over; both by more than a factor."""
    seconds = {}
    for algorithm in ("fft", "direct"):
        plan = circulant.plan(
            "conv2d", input=(2, 32, 56, 56), weight=(32, 1, k, k), padding=k // 2, groups=32,
            algorithm=algorithm, backend="torch", measure=True,
        )  # fmt: skip
        assert plan.candidates[0].is_measured
        seconds[algorithm] = plan.candidates[0].seconds
    assert (1.5 * seconds["fft"] < seconds["direct"]) is wins
    assert (1.5 * seconds["direct"] < seconds["fft"]) is not wins
