"""Involution: explicit loops, its two limits (a constant kernel, local self-attention), and its size."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.engine.choice import Backend, use
from circulant.operators.dynamic.involution2d import Involution2d

C, G, K, H, W = 4, 2, 3, 5, 6


def operator(**settings) -> Involution2d:
    torch.manual_seed(0)
    module = Involution2d(C, K, group_channels=C // G, reduction=2, dtype=torch.float64, **settings)
    nn.init.normal_(module.norm.running_mean, std=0.1)
    nn.init.uniform_(module.norm.running_var, 0.5, 2)
    return module.eval()


def picture(height: int = H, width: int = W) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, C, height, width, dtype=torch.float64, generator=generator)


def test_equals_explicit_loops_over_positions_channels_and_taps():
    module, x = operator(), picture()
    hidden = module.norm(torch.einsum("oi,bihw->bohw", module.reduce.weight[..., 0, 0], x)).relu()
    kernel = torch.einsum("oi,bihw->bohw", module.span.weight[..., 0, 0], hidden)
    kernel = (kernel + module.span.bias[:, None, None]).reshape(2, G, K, K, H, W)
    expected = torch.zeros_like(x)
    for b in range(2):
        for c in range(C):
            for h in range(H):
                for w in range(W):
                    for i in range(K):
                        for j in range(K):
                            u, v = h + i - 1, w + j - 1
                            if 0 <= u < H and 0 <= v < W:
                                expected[b, c, h, w] += kernel[b, c // 2, i, j, h, w] * x[b, c, u, v]
    assert_close(module(x), expected)


@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 2)])
def test_a_generator_that_gives_its_bias_is_a_convolution_shared_by_each_group(stride, dilation):
    module, x = operator(stride=stride, dilation=dilation), picture()
    nn.init.zeros_(module.reduce.weight)
    nn.init.zeros_(module.norm.running_mean)
    shared = module.span.bias.reshape(G, 1, K, K).repeat_interleave(C // G, dim=0)
    expected = F.conv2d(x, shared, stride=stride, padding=dilation, dilation=dilation, groups=C)
    assert_close(module(x), expected)


def test_attention_weights_given_as_kernels_make_it_local_self_attention():
    """Queries and keys of each group give the kernel, values are the picture itself."""
    x = picture()
    query, key = torch.randn(2, 2, G, 3, H, W, dtype=torch.float64)
    outer = F.pad(key, (1, 1, 1, 1))
    windows = torch.stack([outer[..., i : i + H, j : j + W] for i in range(K) for j in range(K)], dim=2)
    weights = torch.softmax((query[:, :, None] * windows).sum(3), dim=2)

    module = operator()
    module.kernels = lambda _: weights
    expected = torch.zeros_like(x)
    values = F.pad(x, (1, 1, 1, 1)).unflatten(1, (G, -1))
    for h in range(H):
        for w in range(W):
            patch = values[..., h : h + K, w : w + K].flatten(3)
            expected[..., h, w] = torch.einsum("bgk,bgck->bgc", weights[..., h, w], patch).flatten(1)
    assert_close(module(x), expected)


def test_a_stride_averages_the_features_that_make_the_kernel():
    module, x = operator(stride=2), picture(4, 6)
    pooled = torch.stack([x[..., i::2, j::2] for i in (0, 1) for j in (0, 1)]).mean(0)
    dense = operator()
    dense.load_state_dict(module.state_dict())
    assert_close(module.kernels(x), dense.kernels(pooled))


@pytest.mark.parametrize("size", [(5, 6), (1, 7), (4, 4)])
def test_sizes_that_the_stride_does_not_divide_are_rounded_up(size):
    assert operator(stride=2)(picture(*size)).shape == (2, C, -(-size[0] // 2), -(-size[1] // 2))


@pytest.mark.parametrize("channels", [64, 128, 256])
def test_parameters_are_those_of_two_linear_maps_and_a_batch_norm(channels):
    module = Involution2d(channels, 7, device="meta")
    hidden, groups = channels // 4, channels // 16
    expected = channels * hidden + 2 * hidden + (hidden + 1) * 49 * groups
    assert sum(parameter.numel() for parameter in module.parameters()) == expected


def test_the_kernel_differs_from_place_to_place_and_is_not_normalised():
    kernels = operator().kernels(picture())
    assert kernels.shape == (2, G, K * K, H, W)
    assert kernels.std((0, 3, 4)).min() > 0.01
    assert kernels.min() < 0
    assert (kernels.sum(2) - 1).abs().max() > 0.1


@pytest.mark.parametrize("backend", list(Backend))
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 2)])
def test_every_backend_agrees_with_unfolded_windows(backend, stride, dilation):
    if backend is Backend.TRITON:
        pytest.importorskip("triton")
    module, x = operator(stride=stride, dilation=dilation).float(), picture().float()
    kernels = module.kernels(x)
    windows = F.unfold(x, K, dilation, dilation, stride).view(2, G, C // G, K * K, *kernels.shape[3:])
    expected = (kernels[:, :, None] * windows).sum(3).flatten(1, 2)
    with torch.no_grad(), use(backend=backend):
        assert_close(module(x), expected)
