"""Global HyperZZW: the product by the definition, its scaling, and kernels asked on other grids."""

import pytest
import torch

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.operators.dynamic.hyper_gates import HyperChannelGate2d, HyperGate2d
from circulant.operators.dynamic.hyper_zzw_global2d import HyperZZWGlobal2d, hyper_zzw
from circulant.operators.dynamic.slow_net import SlowNet

B, C, S = 2, 3, 4


def operands(size: int = S) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()

    return draw(B, C, size, size), draw(C, size, size), draw(B, C, size, size)


def disturbed(module: torch.nn.Module) -> torch.nn.Module:
    """In float64, with none of its parameters at its first value."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.double().parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, dtype=torch.float64, generator=generator))
    return module


def test_the_product_equals_its_definition_in_value_and_gradients():
    leaves = operands()
    x, w, z = leaves
    expected = torch.einsum("bchk,chk,bckw->bchw", x, w, z)
    y = hyper_zzw(*leaves)
    assert_close(y, expected)
    cotangent = torch.randn_like(y)
    for got, want in zip(*(torch.autograd.grad(out, leaves, cotangent) for out in (y, expected))):
        assert_close(got, want)


def test_the_product_has_right_first_and_second_derivatives():
    leaves = operands(2)
    assert torch.autograd.gradcheck(hyper_zzw, leaves)
    assert torch.autograd.gradgradcheck(hyper_zzw, leaves)


def test_scaling_both_pictures_scales_the_product_by_both():
    x, w, z = operands()
    a, b = 1.7, -0.3
    assert_close(hyper_zzw(a * x, w, b * z), a * b * hyper_zzw(x, w, z))


def test_the_operator_is_the_product_with_its_own_kernel_and_weights():
    torch.manual_seed(0)
    operator, x = disturbed(HyperZZWGlobal2d(C, S)), operands()[0]
    z = operator.standardised(x, operator.programmed(x))
    assert_close(operator(x), hyper_zzw(x, operator.slow(), z))
    assert z.mean((2, 3)).abs().max() < 1e-12


@pytest.mark.parametrize(("ndim", "size", "finer"), [(1, 5, 9), (1, 2, 8), (2, 4, 7), (2, 3, 9)])
def test_a_finer_grid_agrees_at_shared_coordinates(ndim, size, finer):
    torch.manual_seed(0)
    net = disturbed(SlowNet(ndim, size, C, 16, 3))
    torch.nn.init.zeros_(net.bias)
    every = (slice(None), *[slice(None, None, (finer - 1) // (size - 1))] * ndim)
    assert net(finer).shape == (C, *(finer,) * ndim)
    assert_close(net(finer)[every], net())


def test_a_learned_bias_is_carried_to_a_finer_grid():
    torch.manual_seed(0)
    net = disturbed(SlowNet(2, 3, C, 8))
    assert net.bias.abs().min() > 0
    assert_close(net(5)[:, ::2, ::2], net())


def test_the_first_and_the_last_tap_lie_at_minus_one_and_one():
    torch.manual_seed(0)
    net = SlowNet(2, 3, 1, 4, 1).double()
    for layer, height in ((net.filters[0], 1.0), (net.filters[1], 0.0)):
        torch.nn.init.constant_(layer.bias, torch.pi / 2 if height == 0 else 0.0)
        layer.weight.data = torch.tensor([[height, 0.0]] * 4).double()
    net.linears[0].weight.data, net.linears[0].bias.data = torch.eye(4).double(), torch.zeros(4).double()
    net.output.weight.data = torch.full((1, 4), 0.25).double()
    rows = torch.tensor([-1.0, 0.0, 1.0]).double().sin()
    assert_close(net()[0], rows[:, None].expand(3, 3))


def test_pictures_that_are_not_square_are_refused():
    with pytest.raises(ShapeError, match="square"):
        HyperZZWGlobal2d(C, S)(torch.zeros(B, C, S, S + 1))
    with pytest.raises(ShapeError, match="S, S"):
        hyper_zzw(torch.zeros(B, C, 3, 4), torch.zeros(C, 3, 4), torch.zeros(B, C, 3, 4))


def test_a_slow_net_of_no_layers_is_refused():
    with pytest.raises(ArgumentError, match="layers of 1 or more"):
        SlowNet(2, 3, 1, layers=0)


def test_gates_weigh_channels_and_places_as_defined():
    torch.manual_seed(0)
    channels, both = disturbed(HyperChannelGate2d(C)), disturbed(HyperGate2d(C, S))
    x, _, z = operands()
    mean = x.mean((2, 3))[..., None, None]
    assert_close(channels(x), x * torch.sigmoid(mean * channels.slow().view(C, 1, 1) * mean))
    of_channel, of_place = z.mean((2, 3))[..., None, None], z.mean(1, keepdim=True)
    score = of_channel**2 * both.channels.slow().view(C, 1, 1) * of_place**2 * both.slow()
    assert_close(both(x, z), x * torch.sigmoid(score))
