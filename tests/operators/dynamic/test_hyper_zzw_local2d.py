"""Local HyperZZW: its depthwise convolution against unfolded windows, and what its kernel depends on."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.operators.dynamic.hyper_zzw_local2d import HyperZZWLocal2d

B, C, K, H, W = 2, 3, 3, 5, 4


def operator(hidden: int = 4, layers: int = 2) -> HyperZZWLocal2d:
    torch.manual_seed(0)
    made = HyperZZWLocal2d(C, K, hidden=hidden, layers=layers, frequency=0.2).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return made


def pictures(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    x, context = (torch.randn(shape, dtype=torch.float64, generator=generator) for _ in range(2))
    return x.requires_grad_(), context.requires_grad_()


def unfolded(module: HyperZZWLocal2d, x: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
    """Windows, each weighted by the kernel that the whole batch shares."""
    windows = F.unfold(x, K, padding=K // 2).view(len(x), C, K * K, *x.shape[2:])
    z = torch.einsum("cq,bcqhw->bchw", module.slow(context).flatten(1), windows)
    z = torch.einsum("oc,bchw->bohw", module.mix.weight[..., 0, 0], z)
    mean, variance = z.mean((0, 2, 3), keepdim=True), z.var((0, 2, 3), correction=0, keepdim=True)
    return F.gelu((z - mean) / (variance + 1e-5).sqrt()) + module.bias


def test_it_equals_unfolded_windows_in_value_and_gradients():
    module, leaves = operator(), pictures(B, C, H, W)
    y, expected = module(*leaves), unfolded(module, *leaves)
    assert_close(y, expected)
    cotangent, named = torch.randn_like(y), [*leaves, *module.parameters()]
    found, wanted = (torch.autograd.grad(out, named, cotangent) for out in (y, expected))
    for got, want in zip(found, wanted):
        assert_close(got, want, 1e-8)


def test_derivatives_for_picture_and_context_are_right():
    module = operator(hidden=2, layers=2)
    assert torch.autograd.gradcheck(module, pictures(2, C, 2, 2))


def test_the_kernel_sees_the_mean_of_the_batch_alone():
    module, (x, _) = operator(), pictures(4, C, H, W)
    mean = x.mean(0, keepdim=True).expand_as(x)
    assert_close(module.slow(x), module.slow(mean))
    assert_close(module(x, x), module(x, mean))
    assert (module.slow(x) - module.slow(2 * x)).abs().max() > 1e-3


def test_renormalised_features_are_scaled_by_their_norm():
    """With alpha 0 and beta 1 the size of what the sines are multiplied by does not matter."""
    module, (x, _) = operator(layers=1), pictures(B, C, H, W)
    with torch.no_grad():
        module.slow.alpha.zero_()
        module.slow.beta.fill_(1)
        module.slow.net.bias.zero_()
        before = module.slow(x)
        for parameter in module.slow.net.linears[0].parameters():
            parameter.mul_(7)
    assert_close(module.slow(x), before)


def test_one_value_in_a_channel_is_refused():
    with pytest.raises(ShapeError, match="2 values or more"):
        operator()(torch.zeros(1, C, 1, 1, dtype=torch.float64))
