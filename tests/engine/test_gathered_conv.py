"""The door to gathered convolution: neighbours on a grid make it an ordinary convolution."""

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck

from circulant import functional as CF
from circulant.core.errors import ArgumentError, DeviceError, DtypeError, NoPlanError, ShapeError
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.engine.choice import Choice
from circulant.engine.example_operands import example_operands
from circulant.engine.gathered_conv import gathered_conv
from circulant.engine.measure import measured_seconds
from circulant.engine.planner import plan
from circulant.problems.gathered_conv import GatheredConvProblem, reference
from circulant.problems.trilinear import OPERANDS, Slot

H, W = 5, 6


def grid_neighbours():
    """The 3 x 3 window around each pixel of an image, nothing outside."""
    rows, columns = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    lists = []
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            row, column = rows + down, columns + right
            inside = (row >= 0) & (row < H) & (column >= 0) & (column < W)
            lists.append(torch.where(inside, row * W + column, -1).flatten())
    return torch.stack(lists, 1)


def operands(groups=1, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, H * W, dtype=torch.float64, generator=generator)
    weight = torch.randn(8, 4 // groups, 9, dtype=torch.float64, generator=generator)
    return x.to(dtype), weight.to(dtype)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("backend", ["torch", "native"])
def test_windows_of_a_grid_make_an_ordinary_convolution_with_its_gradients(groups, backend):
    leaves = [operand.requires_grad_() for operand in operands(groups)]
    got = CF.gathered_conv(*leaves, grid_neighbours(), groups, backend=backend)
    x, weight = leaves
    expected = F.conv2d(x.unflatten(2, (H, W)), weight.unflatten(2, (3, 3)), padding=1, groups=groups)
    assert_close(got, expected.flatten(2))
    cotangent = torch.randn_like(got)
    for a, b in zip(
        torch.autograd.grad(got, leaves, cotangent),
        torch.autograd.grad(expected, leaves, cotangent.view_as(expected)),
    ):
        assert_close(a, b)


def test_derivatives_agree_with_finite_differences():
    leaves = [operand[:, :, :7].clone().requires_grad_() for operand in operands()]
    index = torch.tensor([[0, 6, -1, 2, 2, 5, 1], [3, -1, -1, 4, 0, 0, 6]])
    assert gradcheck(lambda x, w: gathered_conv(x, w, index), leaves, fast_mode=True)
    assert gradgradcheck(lambda x, w: gathered_conv(x, w, index), leaves, fast_mode=True)


@pytest.mark.parametrize("groups", [1, 3])
def test_the_three_slots_of_the_reference_are_one_trilinear_form(groups):
    p = GatheredConvProblem(torch.float64, Slot.OUTPUT, 2, 3, 6, 5, 7, 4, groups)
    *_, index = example_operands(p)
    values = {slot: torch.randn(shape, dtype=torch.float64) for slot, shape in p.slot_shapes.items()}
    sums = [
        (reference(p.for_slot(slot), *(values[o] for o in OPERANDS[slot]), index) * values[slot]).sum()
        for slot in Slot
    ]
    assert_close(torch.stack(sums), sums[0].expand(3))


@pytest.mark.parametrize("slot", Slot, ids=lambda slot: slot.value)
def test_the_registered_operator_passes_the_checks_of_torch(slot):
    p = GatheredConvProblem(torch.float64, slot, 2, 4, 6, 5, 7, 3, 2)
    first, second, index = example_operands(p)
    for requires_grad in (False, True):
        given = [operand.clone().requires_grad_(requires_grad) for operand in (first, second)]
        torch.library.opcheck(
            torch.ops.circulant.gathered_conv.default,
            (*given, index, [4, 6, 5, 2], slot.value, None, None, None, None),
        )


def test_compiled_code_vmap_and_an_empty_batch_give_the_same():
    (x, weight), index = operands(), grid_neighbours()
    torch._dynamo.reset()
    compiled = torch.compile(gathered_conv, fullgraph=True, backend="aot_eager", dynamic=True)
    assert_close(compiled(x, weight, index), gathered_conv(x, weight, index))
    mapped = torch.vmap(gathered_conv, in_dims=(0, None, 0))(
        torch.stack([x, -x]), weight, torch.stack([index, index.flip(0)])
    )
    assert_close(mapped[0], gathered_conv(x, weight, index))
    assert_close(mapped[1], gathered_conv(-x, weight, index.flip(0)))
    assert gathered_conv(x[:0], weight, index).shape == (0, 8, H * W)
    assert not gathered_conv(x, weight[..., :0], index[:, :0]).any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("backend", ["torch", "native"])
def test_other_precisions_are_kept_and_close(dtype, backend):
    x, weight = operands(dtype=dtype)
    y = CF.gathered_conv(x, weight, grid_neighbours(), backend=backend)
    assert y.dtype == dtype
    assert_close(y, gathered_conv(x.double(), weight.double(), grid_neighbours()), RELATIVE[dtype])


def test_a_plan_can_be_measured():
    p = GatheredConvProblem(torch.float32, Slot.OUTPUT, 1, 4, 4, 9, 9, 3, 1)
    assert set(measured_seconds(plan(p, Choice()), "cpu")) == {"direct on native", "direct on torch"}


def test_bad_operands_are_refused():
    (x, weight), index = operands(), grid_neighbours()
    with pytest.raises(ShapeError, match=r"index \(P, M\), got .*flatten spatial axes"):
        gathered_conv(x, weight[..., :8], index)
    with pytest.raises(ShapeError, match="flatten spatial axes"):
        gathered_conv(x.unflatten(2, (H, W)), weight, index)
    with pytest.raises(ShapeError, match="I = 4 and groups = 2 a divisor of O"):
        gathered_conv(x, weight, index, groups=2)
    with pytest.raises(ShapeError, match="groups = 0"):
        gathered_conv(x, weight, index, groups=0)
    with pytest.raises(DtypeError, match=r"index of dtype torch\.int64, got torch\.int32"):
        gathered_conv(x, weight, index.int())
    with pytest.raises(DtypeError, match="weight of x's dtype"):
        gathered_conv(x, weight.float(), index)
    with pytest.raises(DeviceError, match="index on x's device cpu, got meta"):
        gathered_conv(x, weight, index.to("meta"))
    with pytest.raises(ArgumentError, match="from -1 to N - 1 = 29, got -1 to 30"):
        gathered_conv(x, weight, torch.where(index == 7, 30, index))
    with pytest.raises(NoPlanError, match="asked for algorithm fft"):
        CF.gathered_conv(x, weight, index, algorithm="fft")
