"""Shift convolution: a sparse 3x3 convolution in disguise."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from circulant.core.tolerances import assert_close
from circulant.engine.convolution import convolution
from circulant.operators.spatial.shift_conv2d import DIRECTIONS, ShiftConv2d, shift8


def operator(ins: int = 16, outs: int = 5, **settings) -> ShiftConv2d:
    torch.manual_seed(0)
    return ShiftConv2d(ins, outs, dtype=torch.float64, **settings)


def picture(channels: int = 16, height: int = 5, width: int = 7) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, channels, height, width, dtype=torch.float64, generator=generator)


def sparse(module: ShiftConv2d) -> torch.Tensor:
    """Of the 3x3 kernel: one tap for each channel, where its group looks."""
    weight = module.pointwise.weight[:, :, 0, 0]
    kernel = weight.new_zeros(*weight.shape, 3, 3)
    for c in range(weight.shape[1]):
        down, right = DIRECTIONS[c // (weight.shape[1] // 8)]
        kernel[:, c, 1 + down, 1 + right] = weight[:, c]
    return kernel


def test_a_group_looks_up_down_left_right_and_then_along_each_diagonal():
    x = torch.zeros(1, 8, 3, 3)
    x[:, :, 1, 1] = 1
    met = [tuple(place[1:].tolist()) for place in shift8(x)[0].nonzero()]
    # what stands at (1, 1) is seen by the place below if the group looks up
    assert met == [(2, 1), (0, 1), (1, 2), (1, 0), (0, 0), (0, 2), (2, 0), (2, 2)]


@pytest.mark.parametrize("size", [(5, 7), (1, 1), (1, 4), (2, 2)])
@pytest.mark.parametrize("bias", [False, True])
def test_equals_a_convolution_with_a_sparse_kernel_borders_included(size, bias):
    module, x = operator(bias=bias), picture(16, *size)
    assert_close(module(x), F.conv2d(x, sparse(module), module.pointwise.bias, padding=1))


def test_a_relu_may_stand_before_or_after_the_move():
    module, x = operator(), picture()
    after = module.pointwise(shift8(x).relu())
    assert torch.equal(after, module(x.relu()))
    assert_close(after, F.conv2d(x.relu(), sparse(module), module.pointwise.bias, padding=1))


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("bias", [False, True])
def test_as_one_convolution_it_computes_the_same(step, bias):
    module, x = operator(step=step, bias=bias), picture()
    assert_close(module.to_conv()(x), module(x))


class Allocations(TorchDispatchMode):
    """Numbers in each tensor that an operation makes; views make none."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor) and not func.is_view:
            self.sizes.append(made.numel())
        return made


def test_the_engine_runs_it_as_one_convolution_that_makes_nothing_but_its_output():
    module, x = operator(outs=3), picture()
    conv = module.to_conv()
    with torch.no_grad(), Allocations() as made:
        y = convolution(x, conv.weight, conv.bias, stride=(1, 1), padding=((1, 1), (1, 1)), dilation=(1, 1))
    assert_close(y, module(x))
    assert made.sizes == [y.numel()]


@pytest.mark.parametrize("bias", [False, True])
def test_parameters_are_those_of_a_1x1_convolution(bias):
    module = ShiftConv2d(64, 32, bias=bias, device="meta")
    assert sum(parameter.numel() for parameter in module.parameters()) == 64 * 32 + 32 * bias
