"""The door to sampled convolution: whole offsets shift taps, others interpolate, outside there is nothing."""

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck

from circulant.core.errors import DtypeError, NoPlanError, ShapeError
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.engine.choice import Backend, Choice
from circulant.engine.sampled_conv import sampled_conv

SETTINGS = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1)}
TAPS = 9


def operands(groups=2, spread=1.5):
    """x (2, 4, 5, 6) with taps anywhere, also far outside."""
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape):
        return torch.randn(shape, dtype=torch.float64, generator=generator)

    x, offset = drawn(2, 4, 5, 6), spread * drawn(2, groups, TAPS, 2, 5, 6)
    return x, offset, drawn(2, groups, TAPS, 5, 6)


def convolve(x, offset, modulation):
    return sampled_conv(x, offset, modulation, (3, 3), **SETTINGS)


def by_grid_sample(x, offset, modulation):
    """The same by torch's own bilinear sampler."""
    B, C, H, W = x.shape
    groups = modulation.shape[1]
    rows = torch.arange(H, dtype=x.dtype)[:, None] - 1
    columns = torch.arange(W, dtype=x.dtype) - 1
    y = torch.zeros(B, groups, C // groups, H, W, dtype=x.dtype)
    flat = x.reshape(B * groups, C // groups, H, W)
    for m in range(TAPS):
        at_row = (rows + m // 3 + offset[:, :, m, 0]).reshape(B * groups, H, W)
        at_column = (columns + m % 3 + offset[:, :, m, 1]).reshape(B * groups, H, W)
        grid = torch.stack([(2 * at_column + 1) / W - 1, (2 * at_row + 1) / H - 1], dim=-1)
        sampled = F.grid_sample(flat, grid, align_corners=False).view(B, groups, -1, H, W)
        y = y + modulation[:, :, m, None] * sampled
    return y.flatten(1, 2)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("spread", [0.3, 2.0, 50.0])
def test_it_equals_bilinear_sampling_with_its_gradients(groups, spread):
    leaves = [operand.requires_grad_() for operand in operands(groups, spread)]
    got, expected = convolve(*leaves), by_grid_sample(*leaves)
    assert_close(got, expected)
    cotangent = torch.randn_like(got)
    for a, b in zip(
        torch.autograd.grad(got, leaves, cotangent), torch.autograd.grad(expected, leaves, cotangent)
    ):
        assert_close(a, b)


def test_without_offsets_it_is_an_ordinary_depthwise_convolution():
    x, offset, _ = operands(groups=4)
    kernel = torch.randn(4, 1, 3, 3, dtype=torch.float64)
    modulation = kernel.view(1, 4, TAPS, 1, 1).expand(2, 4, TAPS, 5, 6)
    assert_close(convolve(x, torch.zeros_like(offset), modulation), F.conv2d(x, kernel, padding=1, groups=4))


def test_a_whole_offset_shared_by_all_taps_shifts_the_input():
    x, offset, modulation = operands()
    shifted = torch.zeros_like(offset)
    shifted[:, :, :, 0], shifted[:, :, :, 1] = 1, -2
    moved = F.pad(x, (2, 0, 0, 1))[:, :, 1:, :6]
    none = torch.zeros_like(offset)
    inner = (..., slice(1, -2), slice(3, -1))
    assert_close(convolve(x, shifted, modulation)[inner], convolve(moved, none, modulation)[inner])


@pytest.mark.parametrize("backend", Backend, ids=lambda backend: backend.value)
def test_at_a_whole_place_the_slope_is_that_towards_the_next_sample(backend):
    x = torch.tensor([[[1.0, 3.0, 7.0, 4.0]]], dtype=torch.float64)
    offset = torch.zeros(1, 1, 1, 1, 4, dtype=torch.float64, requires_grad=True)
    y = sampled_conv(
        x, offset, torch.ones(1, 1, 1, 4, dtype=torch.float64), (1,), stride=(1,), padding=((0, 0),),
        dilation=(1,), choice=Choice(backend=backend),
    )  # fmt: skip
    y.sum().backward()
    assert offset.grad.flatten().tolist() == [2.0, 4.0, -3.0, -4.0]


@pytest.mark.parametrize("backend", Backend, ids=lambda backend: backend.value)
def test_the_gradients_of_each_backend_equal_those_of_bilinear_sampling(backend):
    leaves = [operand.requires_grad_() for operand in operands()]
    got = sampled_conv(*leaves, (3, 3), **SETTINGS, choice=Choice(backend=backend))
    cotangent = torch.randn_like(got)
    expected = torch.autograd.grad(by_grid_sample(*leaves), leaves, cotangent)
    for a, b in zip(torch.autograd.grad(got, leaves, cotangent), expected):
        assert_close(a, b)


def test_a_forced_native_backend_has_no_second_derivative_and_says_so():
    leaves = [operand.requires_grad_() for operand in operands()]
    y = sampled_conv(*leaves, (3, 3), **SETTINGS, choice=Choice(backend=Backend.NATIVE))
    (slope,) = torch.autograd.grad(y.pow(2).sum(), leaves[1], create_graph=True)
    with pytest.raises(NoPlanError, match="can be differentiated twice, got native; take torch"):
        slope.sum().backward()


def test_one_axis_interpolates_between_neighbours():
    x = torch.tensor([[[0.0, 10.0, 20.0, 30.0]]])
    offset = torch.tensor([0.25, 0.5, -0.5, 0.5]).view(1, 1, 1, 1, 4)
    y = sampled_conv(x, offset, torch.ones(1, 1, 1, 4), (1,), stride=(1,), padding=((0, 0),), dilation=(1,))
    assert y.flatten().tolist() == [2.5, 15.0, 15.0, 15.0]


def test_derivatives_agree_with_finite_differences():
    leaves = [operand[:1].detach().requires_grad_() for operand in operands(groups=1)]
    assert gradcheck(convolve, leaves, fast_mode=True)
    assert gradgradcheck(convolve, leaves, fast_mode=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_other_precisions_are_kept_and_close(dtype):
    x, offset, modulation = operands(spread=1.0)
    # quarters are exact in every format, so that taps stay where they are
    rounded = [x.to(dtype), ((offset * 4).round() / 4).clamp(-2, 2).to(dtype), modulation.to(dtype)]
    y = convolve(*rounded)
    assert y.dtype == dtype
    assert_close(y, by_grid_sample(*(operand.double() for operand in rounded)), RELATIVE[dtype])


def test_compiled_code_and_an_empty_batch_give_the_same():
    x, offset, modulation = operands()
    torch._dynamo.reset()
    compiled = torch.compile(convolve, fullgraph=True, backend="aot_eager", dynamic=True)
    assert_close(compiled(x, offset, modulation), convolve(x, offset, modulation))
    assert convolve(x[:0], offset[:0], modulation[:0]).shape == (0, 4, 5, 6)


def test_bad_operands_are_refused():
    x, offset, modulation = operands()
    with pytest.raises(ShapeError, match=r"= \(2, 2, 9, 2, 5, 6\) and modulation"):
        convolve(x, offset[:, :, :, :1], modulation)
    with pytest.raises(ShapeError, match="G a divisor of C = 3"):
        convolve(x[:, :3], offset, modulation)
    with pytest.raises(DtypeError, match="offset of x's dtype"):
        convolve(x, offset.float(), modulation)
