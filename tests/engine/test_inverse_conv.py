"""Inverse convolution: solves what it says, in as many steps as it says, and differentiates to any order."""

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from circulant.algorithms.algorithm import AlgorithmName
from circulant.backends.table import Backend
from circulant.backends.torch.inverse_conv import anti_diagonals, wavefront
from circulant.core.errors import DtypeError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine.choice import Choice
from circulant.engine.inverse_conv import Corner, inverse_conv, inverse_conv2d, plain_kernel
from circulant.problems.inverse_conv import InverseConvProblem, free_taps

WAYS = {
    "wavefront on torch": Choice(AlgorithmName.WAVEFRONT, Backend.TORCH),
    "substitution on torch": Choice(AlgorithmName.SUBSTITUTION, Backend.TORCH),
    "wavefront on native": Choice(AlgorithmName.WAVEFRONT, Backend.NATIVE),
}
EVERY_WAY = pytest.mark.parametrize("choice", WAYS.values(), ids=WAYS)
PADDING = {  # left, right, top, bottom
    Corner.TOP_LEFT: (1, 0, 1, 0),
    Corner.TOP_RIGHT: (0, 1, 1, 0),
    Corner.BOTTOM_LEFT: (1, 0, 0, 1),
    Corner.BOTTOM_RIGHT: (0, 1, 0, 1),
}


def random_pair(shape, kernel, scale=0.3):
    """A right side and a weight in float64, its fixed taps filled with what must not be read."""
    channels = shape[1]
    weight = scale * torch.randn(channels, channels, *kernel, dtype=torch.float64)
    return torch.randn(shape, dtype=torch.float64), weight


def dense_matrix(shape, weight):
    """The matrix of the plain convolution with the weight's fixed taps set, column by column."""
    size = shape[1] * shape[2] * shape[3]
    units = torch.eye(size, dtype=torch.float64).reshape(size, *shape[1:])
    rows, columns = weight.shape[2] - 1, weight.shape[3] - 1
    return F.conv2d(F.pad(units, (columns, 0, rows, 0)), plain_kernel(weight)).reshape(size, size).T


@EVERY_WAY
@pytest.mark.parametrize("shape", [(2, 1, 4, 5), (2, 3, 5, 3), (1, 2, 1, 6), (3, 2, 6, 1), (1, 4, 1, 1)])
@pytest.mark.parametrize("kernel", [(3, 3), (2, 1), (1, 1), (7, 2)], ids=str)
def test_the_solution_is_that_of_a_dense_triangular_system(choice, shape, kernel):
    y, weight = random_pair(shape, kernel)
    expected = torch.linalg.solve(dense_matrix(shape, weight), y.flatten(1).T).T.reshape(shape)
    assert_close(inverse_conv2d(y, weight, choice=choice), expected)


@EVERY_WAY
@pytest.mark.parametrize("corner", Corner, ids=lambda corner: corner.value)
def test_the_plain_convolution_of_the_solution_is_the_right_side_in_every_corner(choice, corner):
    y, weight = random_pair((2, 3, 6, 5), (2, 2))
    x = inverse_conv2d(y, weight, corner=corner, choice=choice)
    again = F.conv2d(F.pad(x, PADDING[corner]), plain_kernel(weight, corner.flipped_axes))
    assert_close(again, y)
    assert not torch.allclose(x, y)


@pytest.mark.parametrize("spatial", [(9,), (3, 4, 2)], ids=str)
def test_series_and_volumes_are_solved_too(spatial):
    convolve = {1: F.conv1d, 3: F.conv3d}[len(spatial)]
    y, weight = random_pair((2, 2, *spatial), (2,) * len(spatial))
    x = inverse_conv(y, weight)
    assert_close(convolve(F.pad(x, (1, 0) * len(spatial)), plain_kernel(weight)), y)


class SolveCounter(TorchDispatchMode):
    """Counts the triangular solves that the torch backend calls."""

    def __init__(self):
        super().__init__()
        self.solves = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.solves += func is torch.ops.aten.linalg_solve_triangular.default
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("adjoint", [False, True])
@pytest.mark.parametrize("spatial", [(5, 8), (1, 1), (1, 7), (6, 6)], ids=str)
def test_an_image_takes_height_plus_width_minus_one_steps(spatial, adjoint):
    problem = InverseConvProblem(torch.float64, 2, 3, spatial, (3, 3), adjoint)
    y, weight = random_pair(problem.input_shape, problem.kernel)
    with SolveCounter() as counter:
        wavefront(problem, y, weight)
    assert counter.solves == problem.fronts == sum(spatial) - 1


@pytest.mark.parametrize("spatial", [(5,), (4, 6), (2, 3, 4)], ids=str)
def test_anti_diagonals_hold_each_place_once_after_all_that_it_depends_on(spatial):
    fronts = anti_diagonals(spatial)
    places = [place for front in fronts for place in front]
    assert len(places) == len(set(places)) == torch.Size(spatial).numel()
    for step, front in enumerate(fronts):
        assert {sum(place) for place in front} == {step}


@EVERY_WAY
@pytest.mark.parametrize("corner", [Corner.TOP_LEFT, Corner.BOTTOM_LEFT], ids=lambda corner: corner.value)
def test_first_and_second_derivatives_are_those_of_differences(choice, corner):
    y, weight = random_pair((2, 2, 2, 3), (2, 2))
    operands = y.requires_grad_(), weight.requires_grad_()

    def solve(y, weight):
        return inverse_conv2d(y, weight, corner=corner, choice=choice)

    assert gradcheck(solve, operands)
    assert gradgradcheck(solve, operands)


def test_third_derivatives_are_those_of_differences():
    y, weight = random_pair((1, 2, 2, 2), (2, 2))
    y.requires_grad_(), weight.requires_grad_()

    def second(y, weight):
        (gy, gw) = torch.autograd.grad(inverse_conv2d(y, weight).sin().sum(), (y, weight), create_graph=True)
        return torch.autograd.grad((gy**2).sum() + (gw**2).sum(), (y, weight), create_graph=True)

    assert gradcheck(second, (y, weight))


@pytest.mark.parametrize("corner", Corner, ids=lambda corner: corner.value)
def test_fixed_taps_are_not_read_and_have_no_gradient(corner):
    y, weight = random_pair((2, 3, 4, 4), (3, 3))
    free = free_taps(weight.flip(corner.flipped_axes)).flip(corner.flipped_axes)
    poisoned = torch.where(free, weight, torch.nan).requires_grad_()
    x = inverse_conv2d(y, poisoned, corner=corner)
    (gradient,) = torch.autograd.grad((x**2).sum(), poisoned)
    assert x.isfinite().all()
    assert (gradient[~free] == 0).all()
    assert (gradient[free] != 0).all()
    assert free.sum() == weight.numel() - 3 * (3 + 1) // 2


def test_the_logarithm_of_the_determinant_is_zero():
    _, weight = random_pair((1, 3, 4, 4), (3, 3), scale=1.0)
    sign, log_det = torch.linalg.slogdet(dense_matrix((1, 3, 4, 4), weight))
    assert sign == 1
    assert abs(log_det) < 1e-10


@pytest.mark.parametrize("adjoint", [False, True])
def test_the_operator_passes_opcheck(adjoint):
    y, weight = random_pair((2, 2, 3, 3), (2, 2))
    arguments = (y.requires_grad_(), weight.requires_grad_(), adjoint, None, None, None, None)
    torch.library.opcheck(torch.ops.circulant.inverse_conv.default, arguments)


@pytest.mark.parametrize("mapped", [(0, None), (1, None), (None, 0), (0, 2)], ids=str)
def test_vmap_maps_right_sides_and_kernels(mapped):
    def operands(shape, axis):
        whole = 0.3 * torch.randn(3, *shape, dtype=torch.float64)
        return whole[0] if axis is None else whole.movedim(0, axis)

    y, weight = operands((2, 2, 4, 4), mapped[0]), operands((2, 2, 2, 3), mapped[1])

    def one(tensor, axis, index):
        return tensor if axis is None else tensor.select(axis, index)

    expected = [inverse_conv(one(y, mapped[0], i), one(weight, mapped[1], i)) for i in range(3)]
    assert_close(torch.func.vmap(inverse_conv, in_dims=mapped)(y, weight), torch.stack(expected))


def test_the_counted_work_is_a_multiply_add_for_each_free_tap_at_each_place():
    y, weight = random_pair((2, 3, 5, 4), (2, 3))
    with FlopCounterMode(display=False) as counter:
        inverse_conv2d(y, weight)
    assert counter.get_total_flops() == 2 * 2 * 20 * int(free_taps(weight).sum())


def test_compiled_code_solves_images_of_any_size_without_compiling_again():
    compiled = torch.compile(inverse_conv2d, backend="aot_eager", fullgraph=True, dynamic=True)
    _, weight = random_pair((1, 2, 1, 1), (2, 2))
    for height in (3, 4, 7):
        y = torch.randn(2, 2, height, 5, dtype=torch.float64)
        assert_close(compiled(y, weight), inverse_conv2d(y, weight))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@EVERY_WAY
def test_half_precision_is_solved_in_float32(choice, dtype):
    y, weight = (t.to(dtype) for t in random_pair((2, 3, 9, 8), (3, 3)))
    got = inverse_conv2d(y, weight, choice=choice)
    assert got.dtype == dtype
    exact = inverse_conv2d(y.double(), weight.double())
    assert_close(got, exact, torch.finfo(dtype).eps)


def test_an_empty_batch_has_an_empty_solution():
    weight = torch.randn(2, 2, 3, 3, requires_grad=True)
    x = inverse_conv2d(torch.zeros(0, 2, 4, 4), weight)
    assert x.shape == (0, 2, 4, 4)
    (gradient,) = torch.autograd.grad(x.sum(), weight)
    assert (gradient == 0).all()


@pytest.mark.parametrize(
    ("y", "weight", "error", "words"),
    [
        ((1, 2, 4, 4), (2, 3, 3, 3), ShapeError, r"weight \(C, C, \*kernel\)"),
        ((1, 2, 4, 4), (2, 2, 3), ShapeError, r"weight \(C, C, \*kernel\)"),
        ((1, 2, 0, 4), (2, 2, 3, 3), ShapeError, "at least 1 sample"),
        ((1, 2, 4, 4), (2, 2, 0, 3), ShapeError, "at least 1 channel and 1 tap"),
        ((1, 2, 4), (2, 2, 3), ShapeError, r"y \(B, C, H, W\)"),
    ],
)
def test_operands_that_do_not_fit_are_refused(y, weight, error, words):
    with pytest.raises(error, match=words):
        inverse_conv2d(torch.zeros(y), torch.zeros(weight))


def test_two_dtypes_are_refused():
    with pytest.raises(DtypeError, match="weight of y's dtype"):
        inverse_conv2d(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 2).double())
