"""The interactive block against torch's own layers, and its sizes."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.sequence.interactive_conv_block1d import InteractiveConvBlock1d


def test_it_is_two_convolutions_that_gate_each_other():
    torch.manual_seed(0)
    module, x = InteractiveConvBlock1d(4, dtype=torch.float64), torch.randn(2, 4, 9, dtype=torch.float64)
    narrow = F.conv1d(x, module.narrow.weight, module.narrow.bias)
    wide = F.conv1d(x, module.wide.weight, module.wide.bias, padding=1)
    assert_close(module(x), module.project(narrow * F.gelu(wide) + wide * F.gelu(narrow)))


def test_a_sample_sees_its_two_neighbours():
    module, x = InteractiveConvBlock1d(2), torch.randn(1, 2, 9, requires_grad=True)
    module(x)[0, :, 4].sum().backward()
    assert (x.grad[0].abs().sum(0) > 0).nonzero().flatten().tolist() == [3, 4, 5]


def test_hidden_channels_are_three_times_as_many_unless_said():
    count = sum(p.numel() for p in InteractiveConvBlock1d(8).parameters())
    assert count == (8 * 24 + 24) + (3 * 8 * 24 + 24) + (24 * 8 + 8)
    assert InteractiveConvBlock1d(8, 5).project.in_channels == 5


def test_dropout_acts_on_the_gates_in_training_only():
    torch.manual_seed(0)
    module, x = InteractiveConvBlock1d(4, dropout=0.5), torch.randn(2, 4, 9)
    assert not torch.equal(module(x), module(x))
    assert torch.equal(module.eval()(x), module(x))


@pytest.mark.parametrize("bad", [{"hidden": 0}, {"dropout": 1.0}])
def test_settings_that_mean_nothing_are_refused(bad):
    with pytest.raises(ArgumentError, match=next(iter(bad))):
        InteractiveConvBlock1d(4, **bad)
