"""The doors to convolution equal torch's own functions, by every algorithm and backend that accepts."""

from dataclasses import dataclass, replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from circulant import functional
from circulant.algorithms.algorithm import AlgorithmName
from circulant.core.errors import ShapeError
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.functional import Backend, Boundary
from circulant.problems.trilinear import Slot

OURS = {n: getattr(functional, f"conv{n}d") for n in (1, 2, 3)}
THEIRS = {n: getattr(F, f"conv{n}d") for n in (1, 2, 3)}
OURS_TRANSPOSED = {n: getattr(functional, f"conv_transpose{n}d") for n in (1, 2, 3)}
THEIRS_TRANSPOSED = {n: getattr(F, f"conv_transpose{n}d") for n in (1, 2, 3)}


@pytest.fixture(autouse=True)
def _one_thread():
    """The problems are tiny: waking a second thread takes longer than solving them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


LONGEST = {1: 13, 2: 7, 3: 4}  # samples along an axis
WIDEST = {1: 6, 2: 4, 3: 3}  # taps along an axis
CHANNELS_LAST = {2: torch.channels_last, 3: torch.channels_last_3d}


@dataclass(frozen=True)
class Drawn:
    """Sizes and settings of one call, in torch's own words."""

    ndim: int
    batch: int | None  # None: unbatched
    channels: tuple[int, int]  # of one group
    groups: int
    spatial: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[int, ...] | str
    boundary: Boundary
    has_bias: bool
    layout: str
    dtype: torch.dtype
    seed: int

    @property
    def sides(self):
        """Samples (before, after) laid around x along each axis."""
        spans = [d * (k - 1) for k, d in zip(self.kernel, self.dilation)]
        return {
            "valid": [(0, 0) for _ in spans],
            "same": [(span // 2, span - span // 2) for span in spans],
            "causal": [(span, 0) for span in spans],
        }.get(self.padding) or [(p, p) for p in self.padding]

    @property
    def input_shape(self):
        lead = () if self.batch is None else (self.batch,)
        return (*lead, self.groups * self.channels[0], *self.spatial)

    @property
    def weight_shape(self):
        return (self.groups * self.channels[1], self.channels[0], *self.kernel)

    @property
    def fits(self):
        """Whether the kernel fits the padded input."""
        axes = zip(self.spatial, self.sides, self.kernel, self.dilation)
        return all(size + sum(sides) > d * (k - 1) for size, sides, k, d in axes)

    @property
    def surroundable(self):
        """Whether the boundary has samples enough to give."""
        spare = {Boundary.CIRCULAR: 0, Boundary.REFLECT: 1}.get(self.boundary)
        return spare is None or all(max(sides) <= n - spare for n, sides in zip(self.spatial, self.sides))


@st.composite
def convolutions(draw, ndim):
    def each(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(ndim))

    dilation = each(1, 2)
    padding = draw(st.sampled_from(["numbers"] * 3 + ["valid", "same", "causal"]))
    return Drawn(
        ndim=ndim,
        batch=draw(st.sampled_from([None, 0, 1, 2, 2, 3])),
        channels=draw(st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 3)])),
        groups=draw(st.integers(1, 3)),
        spatial=each(1, LONGEST[ndim]),
        kernel=each(1, WIDEST[ndim]),
        stride=(1,) * ndim if padding == "same" else each(1, 3),
        dilation=dilation,
        padding=each(0, 3) if padding == "numbers" else padding,
        boundary=draw(st.sampled_from([Boundary.ZEROS, *Boundary])),
        has_bias=draw(st.booleans()),
        layout=draw(st.sampled_from(["contiguous", "transposed", "sliced", "channels-last"])),
        dtype=draw(st.sampled_from([torch.float64, torch.float64, torch.float32])),
        seed=draw(st.integers(0, 2**20)),
    )


def laid_out(x, layout):
    """The same values, laid out differently in memory."""
    if layout == "transposed":
        return x.transpose(0, -1).contiguous().transpose(0, -1)
    if layout == "sliced":
        return torch.stack((x, x + 1), dim=-1).flatten(-2)[..., ::2]
    if layout == "channels-last" and x.ndim in (4, 5):
        return x.contiguous(memory_format=CHANNELS_LAST[x.ndim - 2])
    return x


def operands(drawn, weight_shape, bias_size):
    """Input, weight and perhaps bias, in the drawn dtype and layout."""
    generator = torch.Generator().manual_seed(drawn.seed)

    def values(shape):
        return torch.randn(shape, dtype=torch.float64, generator=generator).to(drawn.dtype)

    x, weight = laid_out(values(drawn.input_shape), drawn.layout), values(weight_shape)
    return [x, weight, values((bias_size,))] if drawn.has_bias else [x, weight]


def result_and_gradients(function, given_operands):
    """y, then the gradients of <y, c> for a c that is itself not contiguous."""
    leaves = [operand.detach().requires_grad_() for operand in given_operands]
    y = function(*leaves)
    generator = torch.Generator().manual_seed(y.numel())
    c = torch.randn(tuple(reversed(y.shape)), dtype=torch.float64, generator=generator).to(y.dtype)
    c = c.permute(*reversed(range(y.ndim)))
    return [y.detach(), *torch.autograd.grad(y, leaves, c)]


def only_result(function, given_operands):
    return [function(*given_operands)]


def expected_results(drawn, given_operands):
    """By torch, in float64, from contiguous operands."""
    widths = [side for pair in reversed(drawn.sides) for side in pair]
    mode = "constant" if drawn.boundary is Boundary.ZEROS else drawn.boundary.value
    convolve = THEIRS[drawn.ndim]

    def function(x, weight, bias=None):
        batched = x if drawn.batch is not None else x[None]
        padded = F.pad(batched, widths, mode=mode) if batched.numel() else F.pad(batched, widths)
        y = convolve(padded, weight, bias, drawn.stride, 0, drawn.dilation, drawn.groups)
        return y if drawn.batch is not None else y[0]

    return result_and_gradients(function, [o.double().contiguous() for o in given_operands])


def possible(operation, drawn, weight_shape, **named):
    """Every algorithm and backend that the plan says can run the call, and None for the planner's choice."""
    shape = drawn.input_shape if drawn.batch is not None else (1, *drawn.input_shape)
    plan = functional.plan(
        operation, input=shape, weight=weight_shape, stride=drawn.stride, dilation=drawn.dilation,
        groups=drawn.groups, dtype=drawn.dtype, **named,
    )  # fmt: skip
    rows = [candidate.implementation for candidate in plan.candidates if candidate.is_possible]
    return [Forced(None, None, True)] + [
        Forced(row.algorithm.name, row.backend, solves_all_slots(row, plan.problem)) for row in rows
    ]


@dataclass(frozen=True)
class Forced:
    """What the caller insists on, and whether that can solve for both gradients too."""

    algorithm: AlgorithmName | None
    backend: Backend | None
    has_gradients: bool


def solves_all_slots(row, problem):
    return all(row.algorithm.rejects(problem.for_slot(slot)) is None for slot in Slot)


def compare(function, given_operands, expected, choices):
    for choice in choices:
        call = partial(function, algorithm=choice.algorithm, backend=choice.backend)
        run = result_and_gradients if choice.has_gradients else only_result
        got = run(call, given_operands)
        names = ["output", "gradient of input", "gradient of weight", "gradient of bias"]
        for name, value, wanted in zip(names, got, expected):
            assert value.dtype == given_operands[0].dtype
            assert_close(value, wanted, RELATIVE[value.dtype], what=f"{name} by {choice}")


def check_convolution(drawn):
    assume(drawn.fits and drawn.surroundable)
    given_operands = operands(drawn, drawn.weight_shape, drawn.weight_shape[0])
    expected = expected_results(drawn, given_operands)
    choices = possible(
        f"conv{drawn.ndim}d", drawn, drawn.weight_shape, padding=drawn.padding, boundary=drawn.boundary
    )
    assert len(choices) > 4

    def function(x, weight, bias=None, **forced):
        return OURS[drawn.ndim](
            x, weight, bias, drawn.stride, drawn.padding, drawn.dilation, drawn.groups,
            boundary=drawn.boundary, **forced,
        )  # fmt: skip

    compare(function, given_operands, expected, choices)


@settings(max_examples=800)
@given(convolutions(1))
def test_conv1d_equals_torch(drawn):
    check_convolution(drawn)


@settings(max_examples=700)
@given(convolutions(2))
def test_conv2d_equals_torch(drawn):
    check_convolution(drawn)


@settings(max_examples=300)
@given(convolutions(3))
def test_conv3d_equals_torch(drawn):
    check_convolution(drawn)


@st.composite
def transposed_convolutions(draw, ndim):
    drawn = draw(convolutions(ndim))
    padding = tuple(draw(st.integers(0, 2)) for _ in range(ndim))
    room = [max(s, d) - 1 for s, d in zip(drawn.stride, drawn.dilation)]
    extra = tuple(draw(st.integers(0, most)) for most in room)
    return replace(drawn, padding=padding, boundary=Boundary.ZEROS), extra


def check_transposed(drawn, extra):
    axes = zip(drawn.spatial, drawn.stride, drawn.padding, drawn.dilation, drawn.kernel, extra)
    assume(all((n - 1) * s - 2 * p + d * (k - 1) + e >= 0 for n, s, p, d, k, e in axes))
    weight_shape = (drawn.groups * drawn.channels[0], drawn.channels[1], *drawn.kernel)
    given_operands = operands(drawn, weight_shape, drawn.groups * drawn.channels[1])
    steps = (drawn.stride, drawn.padding, extra, drawn.groups, drawn.dilation)
    expected = result_and_gradients(
        lambda x, weight, bias=None: THEIRS_TRANSPOSED[drawn.ndim](x, weight, bias, *steps),
        [operand.double().contiguous() for operand in given_operands],
    )
    operation = f"conv_transpose{drawn.ndim}d"
    choices = possible(operation, drawn, weight_shape, padding=drawn.padding, output_padding=extra)

    def function(x, weight, bias=None, **forced):
        return OURS_TRANSPOSED[drawn.ndim](x, weight, bias, *steps, **forced)

    compare(function, given_operands, expected, choices)


@settings(max_examples=250)
@given(transposed_convolutions(1))
def test_conv_transpose1d_equals_torch(problem):
    check_transposed(*problem)


@settings(max_examples=200)
@given(transposed_convolutions(2))
def test_conv_transpose2d_equals_torch(problem):
    check_transposed(*problem)


@settings(max_examples=100)
@given(transposed_convolutions(3))
def test_conv_transpose3d_equals_torch(problem):
    check_transposed(*problem)


@settings(max_examples=100)
@given(st.integers(1, 3).flatmap(convolutions), st.data())
def test_a_kernel_longer_than_the_padded_input_is_refused_in_clear_words(drawn, data):
    drawn = replace(drawn, padding=data.draw(st.sampled_from(["valid", (1,) * drawn.ndim])))
    assume(drawn.surroundable)
    axis = data.draw(st.integers(0, drawn.ndim - 1))
    kernel = list(drawn.kernel)
    kernel[axis] = drawn.spatial[axis] + sum(drawn.sides[axis]) + data.draw(st.integers(1, 3))
    drawn = replace(drawn, kernel=tuple(kernel))
    x, weight, *_ = operands(drawn, drawn.weight_shape, 1)
    with pytest.raises(ShapeError, match="expected a kernel that fits the padded input, got kernel"):
        OURS[drawn.ndim](
            x, weight, None, drawn.stride, drawn.padding, drawn.dilation, drawn.groups,
            boundary=drawn.boundary,
        )  # fmt: skip


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel", [1, 2, 4, 5])
def test_padding_words_mean_what_they_mean_in_torch(padding, kernel):
    x, weight = torch.randn(2, 3, 9, 8), torch.randn(4, 3, kernel, 3)
    got = functional.conv2d(x, weight, padding=padding, dilation=(2, 1))
    assert_close(got, F.conv2d(x, weight, padding=padding, dilation=(2, 1)))


def test_causal_padding_lets_no_output_see_what_follows():
    x, weight = torch.randn(1, 2, 10, dtype=torch.float64), torch.randn(3, 2, 4, dtype=torch.float64)
    y = functional.conv1d(x, weight, padding="causal", dilation=2)
    x[..., 6:] += 1
    changed = (functional.conv1d(x, weight, padding="causal", dilation=2) - y).abs().amax((0, 1))
    assert y.shape[-1] == 10
    assert changed[:6].max() == 0
    assert changed[6:].min() > 0
