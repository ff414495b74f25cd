"""Translation variant convolution: explicit loops, its frozen form, its limit and what it costs."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd import gradcheck, gradgradcheck

from circulant.core.tolerances import assert_close
from circulant.data.mnist import mnist_5k
from circulant.models.heads import PoolHead
from circulant.models.translation_variant_residual import TranslationVariantResidual
from circulant.operators.dynamic.place_kernels import FrozenTranslationVariantConv2d
from circulant.operators.dynamic.translation_variant_conv2d import TranslationVariantConv2d
from circulant.train.fit import fit
from circulant.train.predict import predict

C, H, W = 3, 5, 4


def operator(dtype=torch.float64, **settings) -> TranslationVariantConv2d:
    torch.manual_seed(0)
    module = TranslationVariantConv2d(C, settings.pop("size", (H, W)), dtype=dtype, **settings)
    nn.init.normal_(module.affinity)
    return module


def picture(height: int = H, width: int = W, dtype=torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, C, height, width, dtype=torch.float64, generator=generator).to(dtype)


@pytest.mark.parametrize(("k", "stride", "size"), [(3, 1, (5, 4)), (3, 2, (3, 2)), (5, 1, (5, 4))])
def test_equals_unfolded_windows_weighted_place_by_place_in_value_and_gradients(k, stride, size):
    module, x = operator(kernel_size=k, stride=stride, size=size, bias=True), picture().requires_grad_()
    kernel = module.kernel_layers(module.affinity).view(1, C, k * k, *size)
    windows = F.unfold(x, k, padding=k // 2, stride=stride).view(2, C, k * k, *size)
    expected = (kernel * windows).sum(2) + module.bias_layers(module.affinity)
    got, leaves = module(x), [x, *module.parameters()]
    assert_close(got, expected)
    cotangent = torch.randn_like(got)
    pairs = zip(torch.autograd.grad(got, leaves, cotangent), torch.autograd.grad(expected, leaves, cotangent))
    for one, other in pairs:
        assert_close(one, other)


def test_passes_gradcheck_twice():
    module, x = operator(size=(3, 2), hidden=2), picture(3, 2).requires_grad_()
    affinity = module.affinity.detach().clone().requires_grad_()

    def run(x, affinity):
        return torch.func.functional_call(module, {"affinity": affinity}, (x,))

    assert gradcheck(run, (x, affinity))
    assert gradgradcheck(run, (x, affinity))


@pytest.mark.parametrize("bias", [False, True])
def test_frozen_it_computes_the_same_bit_for_bit_with_nothing_left_to_learn(bias):
    module, x = operator(dtype=torch.float32, bias=bias), picture(dtype=torch.float32)
    frozen = module.freeze()
    assert torch.equal(frozen(x), module(x))
    assert not list(frozen.parameters())


def test_kernels_that_are_alike_everywhere_are_a_depthwise_convolution():
    kernel = torch.randn(C, 1, 3, 3, dtype=torch.float64)
    everywhere = kernel.reshape(-1, 1, 1).expand(-1, H, W)
    frozen = FrozenTranslationVariantConv2d(everywhere, None, C, 1)
    assert_close(frozen(picture()), F.conv2d(picture(), kernel, padding=1, groups=C))


def test_examples_of_a_batch_meet_the_same_kernels():
    module, x = operator(), picture()
    assert_close(module(x)[1], module(x[1:])[0])


def test_at_first_the_border_is_told_from_the_middle_and_no_more():
    torch.manual_seed(0)
    kernels = TranslationVariantConv2d(C, 13, dtype=torch.float64).kernels()
    assert_close(kernels[:, 3:10, 3:10], kernels[:, 6:7, 6:7].expand(-1, 7, 7))
    assert (kernels[:, 0, 0] - kernels[:, 6, 6]).abs().max() > 0.01


def test_frozen_it_takes_a_product_for_each_tap_of_each_channel_and_place():
    frozen = operator().freeze()
    assert frozen.cost((1, C, H, W)).flop == 2 * C * 9 * H * W  # a multiply-add counts twice


def test_frozen_it_costs_no_more_than_a_depthwise_convolution_and_far_less_than_in_training():
    module = TranslationVariantConv2d(32, 14, device="meta")
    shape = (1, 32, 14, 14)
    own = (4 + 16) * 16 * 9 + 16 * 32 * 9 * 9  # taps of the layers that make the kernels, per place
    assert module.cost(shape).flop == 2 * 14 * 14 * (own + 32 * 9)


@pytest.mark.parametrize("bias", [False, True])
def test_parameters_are_those_of_maps_convolutions_and_norms(bias):
    module = TranslationVariantConv2d(C, (H, W), bias=bias, device="meta")
    maps, layers = 4 * H * W, (4 + 16) * 16 * 9 + 2 * 2 * 16 * H * W
    heads = [C * 9, C][: 1 + bias]
    expected = maps + sum(layers + 16 * 9 * head for head in heads)
    assert sum(parameter.numel() for parameter in module.parameters()) == expected


def network(middle, channels: int = 16, depth: int = 3) -> nn.Module:
    """middle: makes what stands in each block, None for kernels of each place."""
    torch.manual_seed(0)
    blocks = [TranslationVariantResidual(channels, channels, 9, middle=middle()) for _ in range(depth)]
    stem = [nn.Conv2d(1, channels, 5, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU6()]
    return nn.Sequential(*stem, *blocks, PoolHead(channels, 10))


def depthwise() -> nn.Module:
    return nn.Conv2d(32, 32, 3, padding=1, groups=32, bias=False)


def accuracies(reader: nn.Module, data) -> list[float]:
    """After training on digits as they lie: on others, and on others moved by up to 4 pixels each way."""
    x, y, seen, known = map(torch.from_numpy, (data.train.x, data.train.y, data.test.x, data.test.y))
    steps = torch.randint(-4, 5, (len(seen), 2), generator=torch.Generator().manual_seed(2))
    moved = torch.stack([one.roll(tuple(by.tolist()), (1, 2)) for one, by in zip(seen, steps)])
    mean, deviation = x.mean(), x.std()
    fit(reader, (x - mean) / deviation, y.long(), steps=300)
    guesses = [predict(reader, (pictures - mean) / deviation) for pictures in (seen, moved)]
    return [(guessed == known).float().mean().item() for guessed in guesses]


@pytest.mark.slow
def test_it_reads_centred_digits_better_than_depthwise_and_loses_that_lead_where_digits_are_shifted():
    """Of two networks that take equally many multiply-adds once kernels are frozen."""
    data = mnist_5k(0)
    own, plain = (accuracies(network(middle), data) for middle in (lambda: None, depthwise))
    assert own[0] > plain[0] + 0.01
    assert own[1] < plain[1] - 0.05
