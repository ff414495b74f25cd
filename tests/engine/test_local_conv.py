"""The door to local convolution: the shared kernel as a special case, derivatives, the checks of torch."""

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck

from circulant.core.errors import DeviceError, DtypeError, ShapeError
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.engine.local_conv import local_conv

SETTINGS = {"stride": (2, 1), "padding": ((1, 0), (2, 1)), "dilation": (1, 2)}
KERNEL = (2, 3)


def operands(groups=2, dtype=torch.float64):
    """x (2, 4, 5, 6), weight (2, groups, 6, 3, 5)."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 5, 6, dtype=torch.float64, generator=generator)
    weight = torch.randn(2, groups, 6, 3, 5, dtype=torch.float64, generator=generator)
    return x.to(dtype), weight.to(dtype)


def convolve(x, weight):
    return local_conv(x, weight, KERNEL, **SETTINGS)


def unfolded(x, weight):
    """By torch's unfold: all windows written out."""
    padded = F.pad(x, (2, 1, 1, 0))
    columns = F.unfold(padded, KERNEL, dilation=(1, 2), stride=(2, 1)).view(2, weight.shape[1], -1, 6, 3, 5)
    return (columns * weight[:, :, None]).sum(3).flatten(1, 2)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_it_equals_the_unfolded_product_with_its_gradients(groups):
    leaves = [operand.requires_grad_() for operand in operands(groups)]
    got, expected = convolve(*leaves), unfolded(*leaves)
    assert_close(got, expected)
    cotangent = torch.randn_like(got)
    for a, b in zip(
        torch.autograd.grad(got, leaves, cotangent), torch.autograd.grad(expected, leaves, cotangent)
    ):
        assert_close(a, b)


def test_one_kernel_everywhere_is_an_ordinary_depthwise_convolution():
    x, _ = operands()
    kernel = torch.randn(4, 1, 3, 3, dtype=torch.float64)
    weight = kernel.view(1, 4, 9, 1, 1).expand(2, 4, 9, 5, 6)
    got = local_conv(x, weight, (3, 3), stride=(1, 1), padding=((1, 1), (1, 1)), dilation=(1, 1))
    assert_close(got, F.conv2d(x, kernel, padding=1, groups=4))


def test_derivatives_agree_with_finite_differences():
    leaves = [operand.requires_grad_() for operand in operands()]
    assert gradcheck(convolve, leaves, fast_mode=True)
    assert gradgradcheck(convolve, leaves, fast_mode=True)


@pytest.mark.parametrize("slot", ["output", "input", "kernel"])
def test_the_registered_operator_passes_the_checks_of_torch(slot):
    x, weight = operands()
    y = convolve(x, weight)
    first, second = {"output": (x, weight), "input": (y, weight), "kernel": (x, y)}[slot]
    settings = [5, 6, *KERNEL, 2, 1, 1, 2, 0, 1, 1, 2, 2]
    for requires_grad in (False, True):
        given = [operand.clone().requires_grad_(requires_grad) for operand in (first, second)]
        torch.library.opcheck(
            torch.ops.circulant.local_conv.default, (*given, settings, slot, None, None, None, None)
        )


def test_compiled_code_vmap_and_an_empty_batch_give_the_same():
    x, weight = operands()
    torch._dynamo.reset()
    compiled = torch.compile(convolve, fullgraph=True, backend="aot_eager", dynamic=True)
    assert_close(compiled(x, weight), convolve(x, weight))
    mapped = torch.vmap(convolve, in_dims=(0, None))(torch.stack([x, -x]), weight)
    assert_close(mapped, torch.stack([convolve(x, weight), -convolve(x, weight)]))
    assert convolve(x[:0], weight[:0]).shape == (0, 4, 3, 5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_other_precisions_are_kept_and_close(dtype):
    x, weight = operands(dtype=dtype)
    y = convolve(x, weight)
    assert y.dtype == dtype
    assert_close(y, unfolded(x.double(), weight.double()), RELATIVE[dtype])


def test_bad_operands_are_refused():
    x, weight = operands()
    with pytest.raises(ShapeError, match=r"= \(2, 2, 6, 3, 5\) with G a divisor of C = 4"):
        convolve(x, weight[:, :, :5])
    with pytest.raises(ShapeError, match="G a divisor of C = 4"):
        convolve(x, weight[:, :1].expand(2, 3, 6, 3, 5))
    with pytest.raises(ShapeError, match="at least 1 group"):
        convolve(x, weight[:, :0])
    with pytest.raises(DtypeError, match="weight of x's dtype"):
        convolve(x, weight.float())
    with pytest.raises(DeviceError, match="weight on x's device cpu, got meta"):
        convolve(x, weight.to("meta"))
