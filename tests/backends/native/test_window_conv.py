"""Sliding-window and im2win convolution, native and by torch, against torch's own in float64."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from circulant.algorithms.direct_memory import column_byte
from circulant.algorithms.im2win import Im2win, TiledIm2win, im2win_byte
from circulant.algorithms.im2win_layout import im2win_transform
from circulant.algorithms.sliding_window import SlidingWindow
from circulant.backends.native import core, im2win, sliding_conv
from circulant.backends.torch import im2win as torch_im2win
from circulant.core.errors import NoPlanError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.functional import conv1d, conv2d
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot

WAYS = {"sliding": sliding_conv.solve, "im2win": im2win.solve, "im2win on torch": torch_im2win.im2win}
NATIVE = {"sliding": sliding_conv.solve, "im2win": im2win.solve}


def problem(
    channels, spatial, kernel, stride=1, padding=0, dilation=1, groups=1, dtype=torch.float64, batch=2
):
    """channels: in and out, of all groups."""

    def each(value):
        return (value,) * len(spatial) if isinstance(value, int) else tuple(value)

    sides = tuple((side, side) if isinstance(side, int) else side for side in each(padding))
    return ConvolutionProblem(
        dtype,
        Slot.OUTPUT,
        batch,
        *channels,
        spatial,
        each(kernel),
        each(stride),
        sides,
        each(dilation),
        groups,
    )


def operands(p):
    generator = torch.Generator().manual_seed(0)
    shapes = (p.input_shape, p.weight_shape)
    return tuple(torch.randn(s, dtype=torch.float64, generator=generator).to(p.dtype) for s in shapes)


def by_torch(p, x, weight):
    convolve = {1: F.conv1d, 2: F.conv2d}[p.ndim]
    padded = F.pad(x.double(), [side for pair in reversed(p.padding) for side in pair])
    return convolve(padded, weight.double(), None, p.stride, 0, p.dilation, p.groups)


GEOMETRIES = {
    "one pixel": {"channels": (1, 1), "spatial": (1, 1), "kernel": 1},
    "read in place": {"channels": (2, 7), "spatial": (9, 50), "kernel": (3, 5)},
    "series": {"channels": (3, 8), "spatial": (150,), "kernel": 15, "padding": 7},
    "causal series": {"channels": (20, 5), "spatial": (70,), "kernel": 9, "padding": [(8, 0)]},
    "narrow picture": {"channels": (5, 13), "spatial": (7, 7), "kernel": 3, "padding": 1},
    "first layer": {"channels": (3, 16), "spatial": (45, 45), "kernel": 7, "stride": 2, "padding": 3},
    "groups": {"channels": (12, 18), "spatial": (13, 33), "kernel": 3, "padding": 1, "groups": 6},
    "dilation": {"channels": (2, 3), "spatial": (30, 41), "kernel": (3, 5), "dilation": (4, 3), "padding": 6},
    "all at once": {
        "channels": (4, 6), "spatial": (30, 41), "kernel": (3, 5), "stride": (3, 2), "dilation": (2, 3),
        "padding": [(1, 2), (4, 0)], "groups": 2,
    },
    "padding beyond the kernel": {"channels": (1, 2), "spatial": (4, 5), "kernel": (2, 3), "padding": (7, 9)},
    "stride beyond the kernel": {"channels": (2, 2), "spatial": (17, 90), "kernel": (2, 1), "stride": (5, 4)},
}  # fmt: skip


@pytest.mark.parametrize("way", NATIVE)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_each_geometry_equals_torch(isa, dtype, way, geometry, nan_in_new_memory):
    p = problem(**GEOMETRIES[geometry], dtype=dtype)
    x, weight = operands(p)
    assert_close(
        NATIVE[way](p, x, weight), by_torch(p, x, weight), 1e-11 if p.dtype is torch.float64 else 1e-5
    )


@st.composite
def geometries(draw):
    ndim, groups = draw(st.integers(1, 2)), draw(st.integers(1, 3))

    def each(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(ndim))

    p = problem(
        (groups * draw(st.integers(1, 10)), groups * draw(st.integers(1, 20))), each(1, 40), each(1, 6),
        each(1, 4), tuple(zip(each(0, 7), each(0, 7))), each(1, 3), groups, batch=draw(st.integers(1, 2)),
    )  # fmt: skip
    assume(min(p.output_spatial) >= 1)
    return p


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(geometries(), st.sampled_from(sorted(WAYS)))
def test_drawn_geometries_equal_torch(isa, p, way):
    x, weight = operands(p)
    assert_close(WAYS[way](p, x, weight), by_torch(p, x, weight), 1e-11)


LAYERS = [
    (3, 96, 227, 11, 4), (3, 96, 231, 11, 4), (3, 64, 227, 7, 2), (64, 64, 224, 7, 2), (96, 256, 24, 5, 1),
    (256, 512, 12, 3, 1), (3, 64, 224, 3, 1), (64, 128, 112, 3, 1), (64, 64, 56, 3, 1), (128, 128, 28, 3, 1),
    (256, 256, 14, 3, 1), (512, 512, 7, 3, 1),
]  # fmt: skip
"""The twelve layers of the im2win papers: channels in and out, pixels, kernel, stride."""


def layer(number, dtype=torch.float64):
    """One picture, its channels cut to at most 24 and 16, its sides to 60: the sums stay as they are."""
    channels, out, pixels, kernel, stride = LAYERS[number]
    return problem(
        (min(channels, 24), min(out, 16)), (min(pixels, 60),) * 2, kernel, stride, batch=1, dtype=dtype
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", range(len(LAYERS)))
def test_the_twelve_layers_equal_torch(way, number):
    p = layer(number)
    x, weight = operands(p)
    assert_close(WAYS[way](p, x, weight), by_torch(p, x, weight), 1e-11)


def test_windows_are_laid_out_as_the_formula_says():
    p = problem((2, 1), (9, 7), (3, 2), stride=(2, 1), dilation=(2, 1), padding=(1, 0))
    x, _ = operands(p)
    laid_out, padded = im2win_transform(p, x), F.pad(x, (0, 0, 1, 1))
    for m in range(p.output_spatial[0]):
        for w in range(7):
            for r in range(3):
                assert torch.equal(laid_out[:, :, m, w * 3 + r], padded[:, :, m * 2 + r * 2, w])


@pytest.mark.parametrize("number", range(len(LAYERS)))
def test_the_bytes_of_all_windows_are_those_of_the_formula_and_below_im2col(number):
    channels, out, pixels, kernel, stride = LAYERS[number]
    p = problem((channels, out), (pixels, pixels), kernel, stride, batch=8, dtype=torch.float32)
    rows, columns = p.output_spatial
    assert im2win_byte(p) == 4 * 8 * channels * rows * kernel * pixels
    assert columns * kernel > pixels
    assert im2win_byte(p) < column_byte(p)
    assert im2win_byte(p) < Im2win().work(p).workspace_byte < column_byte(p)
    small = layer(number)
    transformed = im2win_transform(small, operands(small)[0])
    assert im2win_byte(small) == transformed.numel() * transformed.element_size()


SIZES = {**GEOMETRIES, **{f"layer {n}": None for n in range(len(LAYERS))}}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", SIZES)
def test_the_workspace_of_the_plan_is_the_one_that_is_allocated(name, dtype):
    p = layer(int(name.split()[1]), dtype) if SIZES[name] is None else problem(**SIZES[name], dtype=dtype)
    module = core.load()
    scalar = getattr(module.Scalar, str(dtype).removeprefix("torch."))
    slid = module.sliding_conv_workspace(sliding_conv.sizes(p), scalar)
    assert SlidingWindow().work(p).workspace(1) == slid
    sizes = im2win.sizes(p)
    laid_out = module.im2win_workspace(sizes, scalar) + module.im2win_filters(sizes, scalar)
    assert TiledIm2win().work(p).workspace(1) == laid_out


def test_windows_that_slide_over_the_input_itself_take_no_workspace():
    for kernel in ((3, 3), (9, 9), (1, 31)):
        p = problem((3, 16), (64, 64), kernel, dtype=torch.float32)
        assert SlidingWindow().work(p).workspace(1) == 0
        assert column_byte(p) > 0


def test_a_strip_stays_small_however_large_the_input():
    for p in (
        problem((256, 256), (1 << 20,), 3, padding=1, dtype=torch.float32),
        problem((64, 64), (4096, 4096), 7, 2, padding=3, dtype=torch.float32),
    ):
        assert SlidingWindow().work(p).workspace(1) < 1 << 20
        assert TiledIm2win().work(p).workspace(1) < 1 << 21


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("way", NATIVE)
def test_half_precision_is_computed_in_float32_and_rounded_once(isa, way, dtype):
    p = problem((3, 9), (11, 40), 3, stride=(1, 2), padding=1, dtype=dtype)
    x, weight = operands(p)
    exact = by_torch(p, x, weight)
    bound = {torch.float16: 2**-11, torch.bfloat16: 2**-8}[dtype]
    error = (NATIVE[way](p, x, weight).double() - exact).abs()
    assert (error <= 1.01 * bound * exact.abs() + 1e-5).all()


@pytest.mark.parametrize("way", NATIVE)
def test_results_do_not_depend_on_the_number_of_threads(way):
    p = problem((6, 40), (50, 70), 3, padding=1, dtype=torch.float32)
    x, weight = operands(p)
    alone = NATIVE[way](p, x, weight)
    torch.set_num_threads(2)
    for _ in range(3):
        assert torch.equal(NATIVE[way](p, x, weight), alone)


@pytest.mark.parametrize("way", NATIVE)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_spreads_over_its_windows_only(isa, way, bad):
    p = problem((2, 3), (8, 40), 3, dtype=torch.float32)
    x, weight = operands(p)
    x[0, 1, 4, 20] = bad
    y = NATIVE[way](p, x, weight)
    assert torch.equal(y.isfinite(), by_torch(p, x, weight).isfinite())
    assert (~y.isfinite()).sum() == 3 * 9


def test_a_caller_may_insist_on_either_algorithm():
    x, weight = torch.randn(2, 3, 20, 24, dtype=torch.float64), torch.randn(4, 3, 3, 3, dtype=torch.float64)
    expected = F.conv2d(x, weight, padding=1, stride=2)
    for name in ("sliding_window", "im2win"):
        assert_close(conv2d(x, weight, padding=1, stride=2, algorithm=name), expected)
    series, taps = torch.randn(2, 3, 90, dtype=torch.float64), torch.randn(4, 3, 9, dtype=torch.float64)
    assert_close(conv1d(series, taps, algorithm="sliding_window"), F.conv1d(series, taps))


@pytest.mark.parametrize("name", ["sliding_window", "im2win"])
def test_gradients_of_an_insisted_algorithm_are_refused_by_name(name):
    x, weight = torch.randn(1, 3, 9, 9, requires_grad=True), torch.randn(4, 3, 3, 3)
    y = conv2d(x, weight, algorithm=name)
    with pytest.raises(NoPlanError, match="solves for the output, this problem is for the input"):
        y.sum().backward()


def test_where_the_windows_slide_by_plan_other_means_solve_for_the_gradients():
    x, weight = torch.randn(8, 8, 112, 112), torch.randn(8, 8, 3, 3)
    leaves = [x.requires_grad_(), weight.requires_grad_()]
    y = conv2d(*leaves, padding=1)
    assert "SlidingWindow" not in y.grad_fn.name() and "onvolution" in y.grad_fn.name()
    cotangent = torch.randn_like(y)
    got, wanted = (
        torch.autograd.grad(value, leaves, cotangent) for value in (y, F.conv2d(*leaves, padding=1))
    )
    for gradient, expected in zip(got, wanted):
        assert_close(gradient, expected)


@pytest.mark.parametrize("empty", [{"batch": 0}, {"channels": (0, 4)}, {"channels": (3, 0)}], ids=str)
def test_problems_of_nothing_can_be_weighed(empty):
    p = problem(**{"channels": (3, 4), "spatial": (9, 9), "kernel": 3, **empty})
    for algorithm in (SlidingWindow(), Im2win(), TiledIm2win()):
        assert algorithm.work(p).flop == 0


def test_operands_of_other_shapes_are_refused():
    p = problem((3, 4), (8, 8), 3)
    x, weight = operands(p)
    with pytest.raises(ShapeError, match="expected weight"):
        sliding_conv.solve(p, x, weight[:2])
    assert "3" in SlidingWindow().rejects(problem((1, 1), (4, 4, 4), 3)).reason
    assert "kernel" in Im2win().rejects(p.for_slot(Slot.KERNEL)).reason
