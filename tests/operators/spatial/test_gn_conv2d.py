"""Recursive gated convolution: its degree, its work, its simplest order, its neighbourhoods."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.tolerances import assert_close
from circulant.operators.spatial.global_local_filter2d import GlobalLocalFilter2d
from circulant.operators.spatial.gn_conv2d import GnConv2d

ORDERS = (1, 2, 3, 4, 5)


def picture(channels: int, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, channels, 9, 8, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("order", ORDERS)
def test_without_biases_twice_the_input_gives_exactly_a_power_of_two_more(order):
    torch.manual_seed(0)
    module, x = GnConv2d(16, order, scale=1 / 3, bias=False, dtype=torch.float64), picture(16)
    assert torch.equal(module(2 * x), 2.0 ** (order + 1) * module(x))


def test_biases_spoil_the_degree():
    torch.manual_seed(0)
    module, x = GnConv2d(16, 3, dtype=torch.float64), picture(16)
    assert (module(2 * x) - 16 * module(x)).abs().max() > 1e-3


def test_order_one_is_a_plain_gated_convolution():
    torch.manual_seed(0)
    module, x = GnConv2d(6, 1, dtype=torch.float64), picture(6)
    gate, content = F.conv2d(x, module.expand.weight, module.expand.bias).chunk(2, 1)
    seen = F.conv2d(content, module.neighbours.weight, module.neighbours.bias, padding=3, groups=6)
    expected = F.conv2d(gate * seen, module.project.weight, module.project.bias)
    assert_close(module(x), expected)


def test_order_three_doubles_the_channels_twice():
    torch.manual_seed(0)
    module, x = GnConv2d(8, 3, scale=1 / 3, dtype=torch.float64), picture(8)
    state = module.state_dict()

    def pointwise(z, name):
        return F.conv2d(z, state[f"{name}.weight"], state[f"{name}.bias"])

    p, rest = pointwise(x, "expand").split((2, 14), 1)
    q = F.conv2d(rest, state["neighbours.weight"], state["neighbours.bias"], padding=3, groups=14) / 3
    p = p * q[:, :2]
    p = pointwise(p, "gates.0") * q[:, 2:6]
    p = pointwise(p, "gates.1") * q[:, 6:]
    assert_close(module(x), pointwise(p, "project"))


@pytest.mark.parametrize("order", ORDERS)
def test_work_stays_below_the_published_bound(order):
    C, K, side = 64, 7, 14
    with torch.device("meta"):
        module = GnConv2d(C, order)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            module(torch.empty(1, C, side, side))
    gating = side * side * sum(module.widths)
    assert counter.get_total_flops() == module.cost((1, C, side, side)).flop
    assert counter.get_total_flops() / 2 + gating < side**2 * C * (2 * K**2 + 11 / 3 * C + 2)


def test_with_a_grid_the_neighbours_are_global():
    torch.manual_seed(0)
    module, x = GnConv2d(8, 2, grid=(9, 8), dtype=torch.float64), picture(8)
    assert isinstance(module.neighbours, GlobalLocalFilter2d)
    far = x.clone()
    far[..., 0, 0] += 1
    assert (module(far) - module(x))[..., 5, 5].abs().min() > 0
    p, rest = module.expand(x).split((4, 12), 1)
    q = module.neighbours(rest)
    assert_close(module(x), module.project(module.gates[0](p * q[:, :4]) * q[:, 4:]))
