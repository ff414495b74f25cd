"""The native depthwise convolution and its gradients against torch's in float64."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from circulant import functional as CF
from circulant.backends.native import depthwise_conv
from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot


def problem(
    spatial,
    kernel,
    stride=1,
    padding=0,
    dilation=1,
    multiplier=1,
    batch=2,
    channels=3,
    dtype=torch.float32,
):
    axes = len(spatial)

    def each(value):
        return (value,) * axes if isinstance(value, int) else tuple(value)

    return ConvolutionProblem(
        dtype=dtype,
        slot=Slot.OUTPUT,
        batch=batch,
        in_channels=channels,
        out_channels=channels * multiplier,
        spatial=spatial,
        kernel=kernel,
        stride=each(stride),
        padding=tuple((side, side) if isinstance(side, int) else side for side in each(padding)),
        dilation=each(dilation),
        groups=channels,
    )


def operands(p):
    shapes = (p.input_shape, p.weight_shape, p.output_shape)
    return tuple(torch.randn(shape, dtype=p.dtype) for shape in shapes)


def solve_all(p, x, weight, g):
    """Output, input gradient and kernel gradient."""
    return (
        depthwise_conv.output(p, x, weight),
        depthwise_conv.input_gradient(p, g, weight),
        depthwise_conv.kernel_gradient(p, x, g),
    )


def reference(p, x, weight, g):
    """The same three by torch in float64."""
    x, weight = x.double().requires_grad_(), weight.double().requires_grad_()
    convolve = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[len(p.spatial)]
    padded = F.pad(x, [side for pair in reversed(p.padding) for side in pair])
    y = convolve(padded, weight, stride=p.stride, dilation=p.dilation, groups=p.groups)
    return (y.detach(), *torch.autograd.grad(y, (x, weight), g.double()))


def assert_all_close(p):
    tensors = operands(p)
    names = ("output", "input gradient", "kernel gradient")
    pairs = zip(names, solve_all(p, *tensors), reference(p, *tensors), strict=True)
    for name, got, expected in pairs:
        assert_close(got, expected, what=f"{name} of {p}")


GEOMETRIES = {
    "one pixel": {"spatial": (1, 1), "kernel": (1, 1)},
    "one axis": {"spatial": (70,), "kernel": (9,), "padding": [(8, 0)]},
    "small image": {"spatial": (14, 14), "kernel": (7, 7), "padding": 3},
    "odd image": {"spatial": (31, 37), "kernel": (5, 3), "padding": (2, 1)},
    "wide image": {"spatial": (5, 131), "kernel": (3, 5), "padding": (1, 2)},
    "large kernel": {"spatial": (29, 29), "kernel": (31, 31), "padding": 15},
    "even kernel": {"spatial": (12, 20), "kernel": (4, 6), "padding": [(1, 2), (2, 3)]},
    "stride": {"spatial": (33, 40), "kernel": (3, 5), "stride": (2, 3), "padding": 2},
    "stride beyond the kernel": {"spatial": (17, 19), "kernel": (2, 1), "stride": (5, 4)},
    "dilation": {"spatial": (30, 41), "kernel": (3, 5), "dilation": (4, 3), "padding": 6},
    "stride and dilation": {"spatial": (30, 41), "kernel": (3, 5), "stride": (3, 2), "dilation": (2, 3)},
    "padding beyond the kernel": {"spatial": (4, 5), "kernel": (2, 3), "padding": (7, 9), "stride": (1, 2)},
    "four outputs for each input": {"spatial": (15, 18), "kernel": (3, 3), "padding": 1, "multiplier": 4},
    "image in bands": {"spatial": (60, 600), "kernel": (3, 3), "padding": 1, "batch": 1, "channels": 2},
    "long series": {"spatial": (1500,), "kernel": (37,), "padding": 18},
    "more taps than are added together": {"spatial": (700,), "kernel": (150,), "padding": [(149, 0)]},
    "dilated series": {"spatial": (900,), "kernel": (40,), "dilation": 3, "padding": [(60, 57)]},
    "strided series": {"spatial": (900,), "kernel": (21,), "stride": 3, "dilation": 2, "padding": 11},
    "series of four outputs": {"spatial": (75,), "kernel": (4,), "padding": [(3, 0)], "multiplier": 4},
    "volume": {"spatial": (6, 7, 20), "kernel": (3, 3, 3), "padding": 1},
    "wide volume": {"spatial": (4, 5, 90), "kernel": (2, 2, 5), "padding": (1, 0, 2), "multiplier": 2},
    "volume of one voxel": {"spatial": (1, 1, 1), "kernel": (3, 3, 3), "padding": 1},
    "strided volume": {"spatial": (9, 10, 17), "kernel": (3, 2, 3), "stride": (2, 3, 2), "padding": 1},
    "dilated volume": {"spatial": (9, 10, 17), "kernel": (3, 2, 3), "dilation": (2, 1, 3), "padding": 3},
}


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_each_geometry_equals_torch(isa, dtype, geometry):
    assert_all_close(problem(**GEOMETRIES[geometry], dtype=dtype))


def test_every_width_to_40_equals_torch(isa, dtype):
    for width in range(1, 41):
        assert_all_close(problem((3, width), (3, 3), padding=1, batch=1, channels=2, dtype=dtype))


@pytest.mark.parametrize("width", range(2, 9))
def test_short_causal_kernels_equal_torch_at_every_length_to_64(isa, dtype, width):
    for length in range(1, 65):
        assert_all_close(problem((length,), (width,), padding=[(width - 1, 0)], dtype=dtype))


@pytest.mark.parametrize("before", range(0, 5))
def test_series_equal_torch_wherever_the_kernel_starts(isa, dtype, before):
    for length in (1, 4, 16, 17, 47, 48, 130):
        assert_all_close(problem((length,), (4,), padding=[(before, 5)], dtype=dtype))


@pytest.mark.parametrize("spatial", [(50,), (9, 11), (4, 5, 6)])
def test_the_kernel_gradient_sums_over_batch_for_any_number_of_channels(isa, dtype, spatial):
    for channels in (1, 16, 37):
        kernel = (3,) * len(spatial)
        assert_all_close(problem(spatial, kernel, padding=1, batch=5, channels=channels, dtype=dtype))


def axes(longest):
    numbers = st.integers(1, longest), st.integers(1, 6), st.integers(1, 5)
    return st.tuples(*numbers, st.tuples(st.integers(0, 7), st.integers(0, 7)), st.integers(1, 3))


GRIDS = st.lists(axes(40), min_size=1, max_size=2) | st.lists(axes(9), min_size=3, max_size=3)


@settings(max_examples=90, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(GRIDS, st.integers(1, 3), st.integers(1, 3))
def test_drawn_geometries_equal_torch(isa, drawn, channels, multiplier):
    spatial, kernel, stride, padding, dilation = zip(*drawn, strict=True)
    p = problem(spatial, kernel, stride, padding, dilation, multiplier, 2, channels, torch.float64)
    assume(min(p.output_spatial) >= 1)
    assert_all_close(p)


def test_every_element_of_the_result_is_written(isa, dtype, nan_in_new_memory):
    for geometry in GEOMETRIES:
        p = problem(**GEOMETRIES[geometry], dtype=dtype)
        for result in solve_all(p, *operands(p)):
            assert result.isfinite().all()


@pytest.mark.parametrize("spatial", [(90_000,), (40, 40), (11, 12, 13)])
def test_two_threads_give_the_same_bits_as_one(isa, dtype, spatial):
    p = problem(spatial, (9,) * len(spatial), padding=4, channels=5, dtype=dtype)
    tensors = operands(p)
    alone = solve_all(p, *tensors)
    torch.set_num_threads(2)
    for one, two in zip(alone, solve_all(p, *tensors), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_non_finite_sample_reaches_only_the_outputs_that_see_it(isa, dtype, poison):
    p = problem((9, 37), (3, 3), padding=1, dtype=dtype)
    x, weight, _ = operands(p)
    clean = depthwise_conv.output(p, x, weight)
    x[1, 2, 4, 20] = poison
    touched = torch.zeros(p.output_shape, dtype=torch.bool)
    touched[1, 2, 3:6, 19:22] = True
    y = depthwise_conv.output(p, x, weight)
    assert not y[touched].isfinite().any()
    assert torch.equal(y[~touched], clean[~touched])


def test_a_non_finite_sample_reaches_only_the_taps_that_see_it(isa, dtype):
    p = problem((1, 21), (1, 5), batch=1, channels=1, dtype=dtype)
    x, _, g = operands(p)
    x[..., 20] = float("inf")  # only the last tap of the last output meets it
    gradient = depthwise_conv.kernel_gradient(p, x, g)[0, 0, 0]
    assert gradient.isfinite().tolist() == [True, True, True, True, False]


@pytest.mark.parametrize("place", [0, 1, 20, 36])
def test_a_non_finite_sample_of_a_series_reaches_only_what_sees_it(isa, dtype, place):
    p = problem((37,), (4,), padding=[(3, 0)], channels=2, dtype=dtype)
    x, weight, _ = operands(p)
    clean = depthwise_conv.output(p, x, weight)
    x[0, 1, place] = float("inf")
    touched = torch.zeros(p.output_shape, dtype=torch.bool)
    touched[0, 1, place : place + 4] = True
    y = depthwise_conv.output(p, x, weight)
    assert not y[touched].isfinite().any()
    assert torch.equal(y[~touched], clean[~touched])


def test_a_non_finite_voxel_reaches_only_the_outputs_that_see_it(isa, dtype):
    p = problem((5, 6, 19), (3, 3, 3), padding=1, dtype=dtype)
    x, weight, _ = operands(p)
    clean = depthwise_conv.output(p, x, weight)
    x[1, 2, 4, 0, 18] = float("nan")
    touched = torch.zeros(p.output_shape, dtype=torch.bool)
    touched[1, 2, 3:, :2, 17:] = True
    y = depthwise_conv.output(p, x, weight)
    assert not y[touched].isfinite().any()
    assert torch.equal(y[~touched], clean[~touched])


def test_numbers_in_memory_beside_the_operands_do_not_matter(isa, dtype):
    for geometry in GEOMETRIES:
        p = problem(**GEOMETRIES[geometry], dtype=dtype)
        tensors = operands(p)
        beside = [torch.full((tensor.numel() + 64,), float("nan"), dtype=dtype) for tensor in tensors]
        for tensor, memory in zip(tensors, beside, strict=True):
            memory[32:-32] = tensor.flatten()
        inner = [memory[32:-32].view_as(tensor) for tensor, memory in zip(tensors, beside, strict=True)]
        for got, expected in zip(solve_all(p, *inner), solve_all(p, *tensors), strict=True):
            assert torch.equal(got, expected)


def test_a_depthwise_convolution_of_volumes_can_be_forced_onto_the_core():
    p = problem((5, 6, 17), (3, 3, 3), padding=1, dtype=torch.float64)
    x, weight, _ = operands(p)
    y = CF.conv3d(x, weight, padding=1, groups=p.groups, backend="native")
    assert_close(y, F.conv3d(x, weight, padding=1, groups=p.groups))


@pytest.mark.parametrize("slot", Slot)
def test_each_thread_has_its_own_workspace(isa, dtype, slot):
    p = problem((33, 40), (9, 9), padding=4, dtype=dtype).for_slot(slot)
    assert depthwise_conv.workspace_byte(p, 2) == 2 * depthwise_conv.workspace_byte(p, 1) > 0


@pytest.mark.parametrize("slot", Slot)
def test_the_workspace_does_not_grow_with_batch_channels_and_height(isa, dtype, slot):
    small = problem((600, 600), (9, 9), padding=4, channels=16, dtype=dtype).for_slot(slot)
    large = problem((6000, 600), (9, 9), padding=4, batch=8, channels=64, dtype=dtype).for_slot(slot)
    assert depthwise_conv.workspace_byte(large, 1) == depthwise_conv.workspace_byte(small, 1)


def test_channels_last_operands_are_read_as_they_look():
    p = problem((12, 13), (3, 3), padding=1)
    tensors = operands(p)
    x, g = (tensor.to(memory_format=torch.channels_last) for tensor in (tensors[0], tensors[2]))
    assert not x.is_contiguous() and not g.is_contiguous()
    for got, expected in zip(solve_all(p, x, tensors[1], g), solve_all(p, *tensors), strict=True):
        assert torch.equal(got, expected)


@pytest.mark.parametrize("slot", Slot)
def test_solve_picks_the_slot(slot):
    p = problem((9, 10), (3, 3), stride=2, padding=1).for_slot(slot)
    x, weight, g = operands(p)
    pair = {Slot.OUTPUT: (x, weight), Slot.INPUT: (g, weight), Slot.KERNEL: (x, g)}[slot]
    expected = dict(zip((Slot.OUTPUT, Slot.INPUT, Slot.KERNEL), reference(p, x, weight, g), strict=True))
    assert_close(depthwise_conv.solve(p, *pair), expected[slot])


def test_operands_that_the_problem_does_not_describe_are_refused():
    p = problem((9, 10), (3, 3))
    with pytest.raises(ShapeError, match=r"expected weight \(3, 1, 3, 3\), got \(3, 1, 3, 2\)"):
        depthwise_conv.output(p, torch.randn(2, 3, 9, 10), torch.randn(3, 1, 3, 2))
