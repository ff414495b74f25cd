"""Attentive convolution: unfolded windows, kernels that sum to zero, bins, and digits."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.data.mnist import mnist_5k
from circulant.models.att_net import AttDesign, AttNet
from circulant.operators.dynamic.attentive_conv2d import AttentiveConv2d
from circulant.train.fit import fit
from circulant.train.predict import predict

B, C, H, W = 3, 4, 7, 6


def operator(**settings) -> AttentiveConv2d:
    torch.manual_seed(0)
    module = AttentiveConv2d(C, dtype=torch.float64, **settings)
    nn.init.normal_(module.inhibition)
    return module


def pictures() -> torch.Tensor:
    return torch.randn(B, C, H, W, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size", [3, 5])
def test_one_grouped_convolution_equals_unfolded_windows_example_by_example(size):
    module, x = operator(kernel_size=size), pictures().requires_grad_()
    leaves = [x, *module.parameters()]
    examples = []
    for one in x:
        routed = module.route(one.flatten(1).T).T  # every position, as published
        hidden = F.gelu(F.adaptive_avg_pool1d(routed[None], size**2)[0])
        kernel = module.span(hidden)
        kernel = kernel - module.inhibition.sigmoid()[:, None] * kernel.mean(1, keepdim=True)
        windows = F.unfold(module.value(one[None]), size, padding=size // 2).view(C, size**2, H * W)
        examples.append((kernel[..., None] * windows).sum(1).view(1, C, H, W))
    expected = module.output(torch.cat(examples))
    y = module(x)
    assert_close(y, expected)
    cotangent = torch.randn_like(y)
    found, wanted = (torch.autograd.grad(out, leaves, cotangent) for out in (y, expected))
    for got, want in zip(found, wanted):
        assert_close(got, want)


def test_full_inhibition_makes_kernels_that_sum_to_zero_and_ignore_a_constant():
    module = operator()
    nn.init.constant_(module.inhibition, 40.0)
    assert module.kernels(pictures()).sum((-1, -2)).abs().max() < 1e-12
    level = torch.randn(B, C, 1, 1, dtype=torch.float64).expand(B, C, H, W)
    inside = module(level)[..., 1:-1, 1:-1]
    assert (inside - module.output.bias[:, None, None]).abs().max() < 1e-12


def test_half_of_the_mean_tap_is_taken_off_at_first():
    module = AttentiveConv2d(C, dtype=torch.float64)
    free = AttentiveConv2d(C, dtype=torch.float64)
    free.load_state_dict(module.state_dict())
    nn.init.constant_(free.inhibition, -1000.0)
    x = pictures()
    assert_close(module.kernels(x).sum((-1, -2)), free.kernels(x).sum((-1, -2)) / 2)


def test_bins_are_bands_of_rows():
    """A bump in the first row of nine moves the first hidden tap alone."""
    module, x = operator(), torch.randn(1, C, 9, W, dtype=torch.float64)
    with torch.no_grad():
        module.span.weight.copy_(torch.eye(9))
        module.span.bias.zero_()
    nn.init.constant_(module.inhibition, -1000.0)
    bumped = x.clone()
    bumped[:, :, 0] += 1
    changed = (module.kernels(bumped) - module.kernels(x)).abs().flatten(2).amax((0, 1)) > 1e-6
    assert changed.tolist() == [True] + [False] * 8


def test_examples_have_kernels_of_their_own():
    module, x = operator(), pictures()
    assert module.kernels(x).std(0).min() > 1e-4
    assert_close(module(x), torch.cat([module(one[None]) for one in x]))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_digits_are_read_within_three_points_of_a_static_depthwise_convolution(seed):
    digits = mnist_5k(seed)
    x, y = torch.from_numpy(digits.train.x), torch.from_numpy(digits.train.y)
    accuracy = {}
    for name in ("attentive", "depthwise"):
        torch.manual_seed(seed)
        network = AttNet(AttDesign((16, 32), (1, 1), layer_scale=False, expand=(3, 3)), 10, 1)
        if name == "depthwise":
            for module in list(network.modules()):
                for part, child in list(module.named_children()):
                    if isinstance(child, AttentiveConv2d):
                        channels = child.channels
                        setattr(module, part, nn.Conv2d(channels, channels, 3, padding=1, groups=channels))
        fit(network, x, y, steps=250, seed=seed)
        right = predict(network, torch.from_numpy(digits.test.x)) == torch.from_numpy(digits.test.y)
        accuracy[name] = right.double().mean().item()
    print(f"seed {seed}: {accuracy}")
    assert accuracy["attentive"] > 0.9
    assert accuracy["attentive"] > accuracy["depthwise"] - 0.03
