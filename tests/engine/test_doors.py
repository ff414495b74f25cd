"""What every door does before any work: operands of one kind, and the dtype that autocast asks for."""

import pytest
import torch

from circulant.core.errors import DtypeError
from circulant.engine.convolution import convolution
from circulant.engine.doors import autocast_operand, autocasts
from circulant.engine.local_conv import local_conv
from circulant.engine.long_conv import long_conv

STEPS = {"stride": (1,), "padding": ((1, 1),), "dilation": (1,)}


@pytest.mark.parametrize("first", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("second", [torch.float32, torch.bfloat16])
def test_under_autocast_operands_may_come_in_different_precisions(first, second):
    x, weight = torch.randn(1, 2, 5).to(first), torch.randn(2, 2, 3).to(second)
    kernels = torch.randn(1, 1, 3, 5).to(second)
    with torch.autocast("cpu", torch.bfloat16):
        assert convolution(x, weight, **STEPS).dtype == torch.bfloat16
        assert local_conv(x, kernels, (3,), **STEPS).dtype == torch.bfloat16
        assert long_conv(x, weight[0], gate_in=x.float()).dtype == torch.bfloat16


def test_without_autocast_they_may_not():
    with pytest.raises(DtypeError, match="expected weight of input's dtype"):
        convolution(torch.zeros(1, 2, 5, dtype=torch.bfloat16), torch.zeros(2, 2, 3), **STEPS)


def test_autocast_leaves_float64_and_integers_alone():
    with torch.autocast("cpu", torch.bfloat16):
        assert autocast_operand(torch.zeros(1)).dtype == torch.bfloat16
        assert autocast_operand(torch.zeros(1, dtype=torch.float64)).dtype == torch.float64
        assert autocast_operand(torch.zeros(1, dtype=torch.int64)).dtype == torch.int64


def test_the_meta_device_knows_no_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        assert not autocasts("meta")
        assert autocast_operand(torch.zeros(1, device="meta")).dtype == torch.float32
