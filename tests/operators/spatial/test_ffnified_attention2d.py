"""FFNified attention is two convolutions around GELU, and merges exactly."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.operators.spatial.ffnified_attention2d import FFNifiedAttention2d


def picture(dtype=torch.float64):
    return torch.randn(2, 4, 9, 8, dtype=dtype, generator=torch.Generator().manual_seed(1))


def trained(kernel_size, dtype=torch.float64):
    """With means, variances and weights that matter, as after training."""
    torch.manual_seed(0)
    module = FFNifiedAttention2d(4, kernel_size, dtype=dtype)
    for _ in range(3):
        module(torch.randn(8, 4, 9, 8, dtype=dtype))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return module.eval()


@pytest.mark.parametrize("kernel_size", [3, 7])
def test_it_is_two_depthwise_convolutions_with_gelu_between_them(kernel_size):
    module, x = trained(kernel_size), picture()
    query = module.norm(module.query(x))
    key, value = (part.merged() for part in (module.key, module.value))
    pad = kernel_size // 2
    keys = F.conv2d(query, key.weight, key.bias, padding=pad, groups=4)
    assert_close(module(x), F.conv2d(F.gelu(keys), value.weight, value.bias, padding=pad, groups=4), 1e-12)


@pytest.mark.parametrize("kernel_size", [3, 7])
def test_with_single_taps_as_keys_and_values_it_is_gelu_of_the_query(kernel_size):
    module, x = trained(kernel_size).fuse(), picture()
    for part in (module.key, module.value):
        nn.init.dirac_(part.weight, groups=4)
        nn.init.zeros_(part.bias)
    assert_close(module(x), F.gelu(module.query(x)), 1e-12)
    unmerged = trained(kernel_size)
    assert_close(module(x), F.gelu(unmerged.norm(unmerged.query(x))), 1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
@pytest.mark.parametrize("kernel_size", [3, 7])
def test_merging_changes_nothing(kernel_size, dtype, tolerance):
    module, x = trained(kernel_size, dtype), picture(dtype)
    merged = module.fuse()
    assert_close(merged(x), module(x), tolerance)
    kernels = 2 * (kernel_size**2 + 1) * 4
    assert sum(parameter.numel() for parameter in merged.parameters()) == 4 * 4 + 4 + kernels
