"""The door to dense, grouped and depthwise convolution in n dimensions, and to its transpose."""

from collections.abc import Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.operator import AXES, require_samples
from circulant.core.sizes import Shape, product, transposed_length
from circulant.engine.choice import FREE, Choice, current
from circulant.engine.doors import autocast_operands, needs_gradient, require_same_kind, runs_plainly
from circulant.engine.execute import execute
from circulant.engine.planner import is_left_to_torch, plan
from circulant.engine.trilinear import TrilinearOp
from circulant.problems.convolution import CHANNELS_LAST, ConvolutionProblem, Padding
from circulant.problems.trilinear import OPERANDS, Slot

CONVOLUTION: Mapping[int, Any] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}

PLANNED_TAPS = 64  # compiled code asks the planner from this many taps on; below, torch's kernel is fused


class Boundary(Enum):
    """What lies outside the input."""

    ZEROS = "zeros"
    CIRCULAR = "circular"
    REFLECT = "reflect"
    REPLICATE = "replicate"


def problem_of(
    slot: Slot, first: Shape, second: Shape, settings: Sequence[int], dtype: torch.dtype
) -> ConvolutionProblem:
    """settings: spatial, kernel, stride, before, after, dilation (ndim each), then groups, channels_last."""
    ndim = len(first) - 2
    spatial, kernel, stride, before, after, dilation = (
        tuple(settings[i * ndim : (i + 1) * ndim]) for i in range(6)
    )
    groups, channels_last = settings[-2:]
    channels = {
        Slot.OUTPUT: lambda: (first[1], second[0]),
        Slot.INPUT: lambda: (second[1] * groups, first[1]),
        Slot.KERNEL: lambda: (first[1], second[1]),
    }[slot]()
    return ConvolutionProblem(
        dtype=dtype, slot=slot, batch=first[0], in_channels=channels[0], out_channels=channels[1],
        spatial=spatial, kernel=kernel, stride=stride, padding=tuple(zip(before, after)),
        dilation=dilation, groups=groups, channels_last=bool(channels_last),
    )  # fmt: skip


CONVOLVE = TrilinearOp("convolution", problem_of)


def as_settings(problem: ConvolutionProblem) -> list[int]:
    p = problem
    before, after = zip(*p.padding)
    return [*p.spatial, *p.kernel, *p.stride, *before, *after, *p.dilation, p.groups, int(p.channels_last)]


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Shape,
    padding: Padding,
    dilation: Shape,
    groups: int = 1,
    boundary: Boundary = Boundary.ZEROS,
    choice: Choice = FREE,
) -> Tensor:
    """x (B, I, *spatial), weight (O, I / groups, *kernel), bias (O) -> (B, O, *output_spatial)."""
    x, weight, bias = autocast_operands(x, weight, bias)
    require_same_kind(("input", "weight", "bias"), (x, weight, bias))
    problem = problem_for(
        x, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=groups, boundary=boundary
    )
    if problem.padding != padding:
        x = surrounded(x, padding, boundary)
    choice = choice.or_else(current())
    if not calls_torch(problem, choice, x, weight, bias):
        return _with_bias(_solved(problem, x, weight, choice), bias)
    sides = tuple(before for before, _ in problem.padding)
    if not problem.has_symmetric_padding:
        x, sides = problem.pad(x), (0,) * problem.ndim
    return CONVOLUTION[problem.ndim](x, weight, bias, stride, sides, dilation, groups)


def problem_for(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Shape,
    padding: Padding,
    dilation: Shape,
    groups: int,
    boundary: Boundary,
) -> ConvolutionProblem:
    """What there is to plan: boundary values count as part of the input, zeros are left to the problem."""
    find = _problem_for if torch.compiler.is_compiling() else _remembered_problem
    shape = None if bias is None else tuple(bias.shape)
    sizes = tuple(x.shape), tuple(weight.shape), shape
    layout = lies_channels_last(x)
    return find(*sizes, x.dtype, stride, padding, dilation, groups, type(groups), boundary, layout)


def _problem_for(
    input_shape: Shape,
    weight_shape: Shape,
    bias_shape: Shape | None,
    dtype: torch.dtype,
    stride: Shape,
    padding: Padding,
    dilation: Shape,
    groups: int,
    groups_type: type,
    boundary: Boundary,
    channels_last: bool,
) -> ConvolutionProblem:
    """The type of groups is part of what is remembered: 1.0 equals 1, but is refused."""
    _require_fitting(input_shape, weight_shape, bias_shape, groups, transposed=False)
    _require_steps(stride, padding, dilation)
    spatial = input_shape[2:]
    if boundary is not Boundary.ZEROS and any(map(any, padding)):
        _require_surroundable(spatial, padding, boundary)
        spatial = tuple(size + sum(sides) for size, sides in zip(spatial, padding))
        padding = ((0, 0),) * len(spatial)
    problem = ConvolutionProblem(
        dtype, Slot.OUTPUT, input_shape[0], input_shape[1], weight_shape[0], spatial,
        weight_shape[2:], stride, padding, dilation, groups, channels_last,
    )  # fmt: skip
    _require_room(problem)
    return problem


_remembered_problem = lru_cache(maxsize=4096)(_problem_for)


def conv_transpose(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Shape,
    padding: Shape,
    output_padding: Shape,
    groups: int,
    dilation: Shape,
    output_spatial: Shape,
    choice: Choice = FREE,
) -> Tensor:
    """The adjoint of a convolution: x (B, I, *spatial), weight (I, O / groups, *kernel) -> (B, O, *)."""
    x, weight, bias = autocast_operands(x, weight, bias)
    require_same_kind(("input", "weight", "bias"), (x, weight, bias))
    problem = transposed_problem_for(
        x, weight, bias, stride=stride, padding=padding, output_padding=output_padding, groups=groups,
        dilation=dilation, output_spatial=output_spatial,
    )  # fmt: skip
    choice = choice.or_else(current())
    if not calls_torch(problem, choice, x, weight, bias):
        y = _solved(problem, x, weight, choice)
        if not _meets_taps(output_padding, stride):
            y = _cut(y, padding, output_spatial)
        return _with_bias(y, bias)
    transposed = TRANSPOSED[problem.ndim]
    return transposed(x, weight, bias, stride, padding, output_padding, groups, dilation)


def transposed_problem_for(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Shape,
    padding: Shape,
    output_padding: Shape,
    groups: int,
    dilation: Shape,
    output_spatial: Shape,
) -> ConvolutionProblem:
    """The convolution whose input gradient is wanted; unpadded where the output goes on after the taps."""
    bias_shape = None if bias is None else tuple(bias.shape)
    _require_fitting(tuple(x.shape), tuple(weight.shape), bias_shape, groups, transposed=True)
    sides = tuple((p, p) for p in padding)
    _require_steps(stride, sides, dilation)
    _require_output(output_padding, stride, dilation, output_spatial)
    if not _meets_taps(output_padding, stride):
        sides = tuple((0, 0) for _ in padding)
        axes = zip(x.shape[2:], weight.shape[2:], stride, dilation)
        output_spatial = tuple(transposed_length(n, k, s, 0, d, 0) for n, k, s, d in axes)
    return ConvolutionProblem(
        x.dtype, Slot.INPUT, x.shape[0], weight.shape[1] * groups, x.shape[1], output_spatial,
        tuple(weight.shape[2:]), stride, sides, dilation, groups, lies_channels_last(x),
    )  # fmt: skip


def is_torchs(x: Tensor, weight: Tensor, bias: Tensor | None, **settings: Any) -> bool:
    """Whether `convolution` of these arguments, free to choose, does nothing but call torch's function."""
    problem = problem_for(x, weight, bias, **settings)
    is_same = problem.has_symmetric_padding and problem.padding == settings["padding"]
    return is_same and calls_torch(problem, FREE, x, weight, bias)


def lies_channels_last(x: Tensor) -> bool:
    """In torch's layout of that name, and in no other."""
    layout = CHANNELS_LAST.get(x.ndim - 2)
    return layout is not None and not x.is_contiguous() and x.is_contiguous(memory_format=layout)


def calls_torch(problem: ConvolutionProblem, choice: Choice, *operands: Tensor | None) -> bool:
    """Whether torch's own function is the plan, of the gradients too where they will be asked for."""
    if torch.compiler.is_compiling():
        return choice == FREE and product(problem.kernel) < PLANNED_TAPS
    slots = (problem.slot, *OPERANDS[problem.slot]) if needs_gradient(*operands) else (problem.slot,)
    lead = operands[0]
    assert lead is not None
    if lead.numel() == 0:
        return choice == FREE
    return is_left_to_torch(plan(problem.for_slot(slot), choice, lead.device.type) for slot in slots)


def _solved(problem: ConvolutionProblem, first: Tensor, second: Tensor, choice: Choice) -> Tensor:
    """Through torch's dispatcher where something watches; else as it stands, without making it anew."""
    if runs_plainly(first, second):
        return execute(problem, (first, second), choice)
    return CONVOLVE(problem.slot, first, second, as_settings(problem), choice)


def _meets_taps(output_padding: Shape, stride: Shape) -> bool:
    """Whether a convolution of the output, as padded, gives the input's size back."""
    return all(extra < step for extra, step in zip(output_padding, stride))


def surrounded(x: Tensor, padding: Padding, boundary: Boundary) -> Tensor:
    """x (B, C, *spatial) with what the boundary says before and after each axis.

    torch.compile takes the gradient of replicated samples to be contiguous where torch gives it with channels
    last (torch 2.13), so that there they are read by their places.
    """
    if boundary is Boundary.REPLICATE and torch.compiler.is_compiling():
        for axis, (before, after) in enumerate(padding, 2):
            last = x.shape[axis] - 1
            places = torch.arange(-before, last + after + 1, device=x.device)
            x = x.index_select(axis, places.clamp(0, last))
        return x
    return F.pad(x, [side for sides in reversed(padding) for side in sides], mode=boundary.value)


def _cut(full: Tensor, padding: Shape, spatial: Shape) -> Tensor:
    """The samples from `padding` on of an unpadded result, with zeros where it ends too early."""
    axes = reversed(list(zip(full.shape[2:], padding, spatial)))
    return F.pad(full, [side for size, p, n in axes for side in (-p, n + p - size)])


def _with_bias(y: Tensor, bias: Tensor | None) -> Tensor:
    if bias is None:
        return y
    column = bias.view(-1, *(1,) * (y.ndim - 2))
    return y.add_(column) if runs_plainly(y, bias) else y + column


def _require_surroundable(spatial: Shape, padding: Padding, boundary: Boundary) -> None:
    for size, sides in zip(spatial, padding):
        allowed = {Boundary.CIRCULAR: size, Boundary.REFLECT: size - 1}.get(boundary, max(sides))
        if max(sides) > allowed or size == 0:
            raise ShapeError(
                f"expected padding of at most {allowed} for boundary {boundary.value!r} along an axis of "
                f"{size} samples, got {max(sides)}; use a smaller padding or boundary 'replicate'"
            )


def _require_fitting(x: Shape, weight: Shape, bias: Shape | None, groups: int, *, transposed: bool) -> None:
    ndim = len(x) - 2
    if ndim not in AXES or len(weight) != len(x):
        raise ShapeError(
            f"expected input (B, C, *spatial) and a weight of as many axes, got input {x} and weight {weight}"
        )
    require_samples(x, ndim)
    if not isinstance(groups, int) or groups < 1:
        raise ArgumentError(f"expected groups of 1 or more, got {groups!r}")
    expected = weight[0] if transposed else weight[1] * groups
    out_channels = weight[1] * groups if transposed else weight[0]
    if x[1] != expected or weight[0] % groups:
        layout = "(C, O / groups, *kernel)" if transposed else "(O, C / groups, *kernel)"
        raise ShapeError(
            f"expected a weight {layout} with C = {x[1]} and groups = {groups}, "
            f"got input {x} and weight {weight}"
        )
    if 0 in weight[2:]:
        raise ShapeError(f"expected at least 1 tap along each axis, got weight {weight}")
    if bias is not None and bias != (out_channels,):
        raise ShapeError(f"expected bias ({out_channels},), got {bias}")


def _require_steps(stride: Shape, padding: Padding, dilation: Shape) -> None:
    for name, values in (("stride", stride), ("dilation", dilation)):
        if min(values) < 1:
            raise ArgumentError(f"expected {name} of 1 or more along each axis, got {values}")
    if min(map(min, padding)) < 0:
        raise ArgumentError(f"expected padding of 0 or more along each axis, got {padding}")


def _require_room(problem: ConvolutionProblem) -> None:
    if min(problem.output_spatial) < 1:
        raise ShapeError(
            f"expected a kernel that fits the padded input, got kernel {problem.kernel} with dilation "
            f"{problem.dilation} spanning {problem.effective_kernel} samples on a padded input of "
            f"{problem.padded_spatial}; pad more or use a smaller kernel"
        )


def _require_output(output_padding: Shape, stride: Shape, dilation: Shape, output_spatial: Shape) -> None:
    for extra, s, d in zip(output_padding, stride, dilation):
        if not 0 <= extra < max(s, d):
            raise ArgumentError(
                f"expected output_padding below stride or dilation, got {output_padding} with stride "
                f"{stride} and dilation {dilation}"
            )
    if min(output_spatial) < 1:
        raise ShapeError(f"expected an output of at least 1 sample along each axis, got {output_spatial}")
