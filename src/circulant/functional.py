"""The doors of the engine, with the argument names and text values of torch.nn.functional."""

from collections.abc import Callable, Iterable
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar

import torch
from torch import Tensor

from circulant.algorithms.algorithm import AlgorithmName
from circulant.core.errors import ArgumentError, ShapeError, UnknownNameError
from circulant.core.operator import AXES
from circulant.core.sizes import Shape, per_axis, transposed_length
from circulant.engine import convolution, shortcut
from circulant.engine import frequency_sparse_conv as engine_sparse
from circulant.engine import gathered_conv as engine_gathered
from circulant.engine import long_conv as engine_long
from circulant.engine.choice import Backend, Choice
from circulant.engine.conv_settings import Sizes, padding_of
from circulant.engine.convolution import Boundary
from circulant.engine.deformable_conv import deformable_conv as deformable_conv
from circulant.engine.delta_rule import delta_rule as delta_rule
from circulant.engine.delta_rule import delta_rule_state as delta_rule_state
from circulant.engine.inverse_conv import Corner as Corner
from circulant.engine.inverse_conv import inverse_conv2d as inverse_conv2d
from circulant.engine.linear_attention import linear_attention as linear_attention
from circulant.engine.linear_attention import linear_attention_state as linear_attention_state
from circulant.engine.long_conv import LongBoundary
from circulant.engine.measure import planned
from circulant.engine.plan import Plan
from circulant.engine.recurrence import linear_recurrence as linear_recurrence
from circulant.engine.selective_scan import selective_scan as selective_scan
from circulant.problems.convolution import Padding

Named = TypeVar("Named", bound=Enum)


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    boundary: Boundary | str = Boundary.ZEROS,
    algorithm: AlgorithmName | str | None = None,
    backend: Backend | str | None = None,
) -> Tensor:
    """Convolution of input (B, I, L) or (I, L) with weight (O, I / groups, K), as torch's conv1d.

    padding: int, "valid", "same" or "causal" (all of it before the first sample). boundary: what lies
    outside, "zeros", "circular", "reflect" or "replicate". algorithm and backend insist on a plan;
    one that cannot run raises NoPlanError with the reason.
    """
    return _conv(1, input, weight, bias, stride, padding, dilation, groups, boundary, algorithm, backend)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    boundary: Boundary | str = Boundary.ZEROS,
    algorithm: AlgorithmName | str | None = None,
    backend: Backend | str | None = None,
) -> Tensor:
    """Convolution of input (B, I, H, W) or (I, H, W), as torch's conv2d; extras as for `conv1d`.

    padding "causal" pads before the first row and the first column.
    """
    return _conv(2, input, weight, bias, stride, padding, dilation, groups, boundary, algorithm, backend)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    boundary: Boundary | str = Boundary.ZEROS,
    algorithm: AlgorithmName | str | None = None,
    backend: Backend | str | None = None,
) -> Tensor:
    """Convolution of input (B, I, D, H, W) or (I, D, H, W), as torch's conv3d; extras as for `conv1d`."""
    return _conv(3, input, weight, bias, stride, padding, dilation, groups, boundary, algorithm, backend)


def fft_conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    boundary: Boundary | str = Boundary.ZEROS,
) -> Tensor:
    """`conv2d` by FFT whatever the plan says: work that hardly depends on the size of the kernel."""
    fft = AlgorithmName.FFT
    return _conv(2, input, weight, bias, stride, padding, dilation, groups, boundary, fft, None)


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
    *,
    algorithm: AlgorithmName | str | None = None,
    backend: Backend | str | None = None,
) -> Tensor:
    """Transposed convolution of input (B, I, L) with weight (I, O / groups, K), as torch's."""
    steps = (stride, padding, output_padding, dilation)
    return _conv_transpose(1, input, weight, bias, steps, groups, algorithm, backend)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
    *,
    algorithm: AlgorithmName | str | None = None,
    backend: Backend | str | None = None,
) -> Tensor:
    """Transposed convolution of input (B, I, H, W) with weight (I, O / groups, *kernel), as torch's."""
    steps = (stride, padding, output_padding, dilation)
    return _conv_transpose(2, input, weight, bias, steps, groups, algorithm, backend)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
    *,
    algorithm: AlgorithmName | str | None = None,
    backend: Backend | str | None = None,
) -> Tensor:
    """Transposed convolution of input (B, I, D, H, W) with weight (I, O / groups, *kernel), as torch's."""
    steps = (stride, padding, output_padding, dilation)
    return _conv_transpose(3, input, weight, bias, steps, groups, algorithm, backend)


def long_conv(
    x: Tensor,
    kernel: Tensor,
    *,
    skip: Tensor | None = None,
    gate_in: Tensor | None = None,
    gate_out: Tensor | None = None,
    boundary: LongBoundary | str = LongBoundary.CAUSAL,
    algorithm: AlgorithmName | str | None = None,
    backend: Backend | str | None = None,
) -> Tensor:
    """Depthwise true convolution of x (B, C, L) with kernel (C, K), K of any length -> (B, C, L).

    y = gate_out (kernel * z + skip z), z = gate_in x, with skip (C,) and gates (B, C, L).
    boundary "causal": y[l] = sum_m kernel[m] z[l - m]; "circular": the same with indices modulo L
    (K > L wraps); "same": centred, zeros outside; for even K the extra tap looks back.
    """
    return engine_long.long_conv(
        x, kernel, skip=skip, gate_in=gate_in, gate_out=gate_out,
        boundary=_named(LongBoundary, boundary, "boundary"), choice=_choice(algorithm, backend),
    )  # fmt: skip


def frequency_sparse_conv(
    x: Tensor,
    kernel: Tensor,
    keep: int,
    *,
    n: int | None = None,
    algorithm: AlgorithmName | str | None = None,
    backend: Backend | str | None = None,
) -> Tensor:
    """Convolution of x (B, C, L) with the low frequencies of kernel (C, K) -> (B, C, L).

    y = irfft(rfft(x, n) rfft(kernel, n) mask)[:L], mask 1 in bins 0 .. keep - 1 and 0 in the others of
    n // 2 + 1. n, 2 L unless given, is at least L and K; n = L makes it circular. All bins kept, it is
    `long_conv`; with fewer it is not causal. algorithm "monarch" skips the products that are masked.
    """
    return engine_sparse.frequency_sparse_conv(x, kernel, keep=keep, n=n, choice=_choice(algorithm, backend))


def gathered_conv(
    input: Tensor,
    weight: Tensor,
    index: Tensor,
    groups: int = 1,
    *,
    algorithm: AlgorithmName | str | None = None,
    backend: Backend | str | None = None,
) -> Tensor:
    """Every output sums over neighbours of its own: input (B, I, N), weight (O, I / groups, M) -> (B, O, P).

    y[:, o, p] = sum_{i, m} weight[o, i, m] input[:, i, index[p, m]] with index (P, M) of whole numbers;
    index -1 adds nothing. For grids that are not rectangular, meshes and graphs of fixed degree.
    """
    return engine_gathered.gathered_conv(
        input, weight, index, groups=groups, choice=_choice(algorithm, backend)
    )


def plan(
    operation: str,
    *,
    input: Iterable[int],
    weight: Iterable[int],
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    output_padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    boundary: str | None = None,
    dtype: torch.dtype = torch.float32,
    algorithm: AlgorithmName | str | None = None,
    backend: Backend | str | None = None,
    workspace_limit: float | None = None,
    tolerance: float | None = None,
    measure: bool = False,
) -> Plan:
    """What `conv2d`, `conv_transpose2d`, `long_conv`, ... would do with tensors of these shapes.

    Print it: every candidate with predicted time, work, workspace in bytes and relative L2 error, or
    the reason of its refusal. Nothing is computed, unless measure asks to time the best few, and keeps it.
    """
    known = [f"{name}{ndim}d" for name in ("conv", "conv_transpose") for ndim in AXES] + ["long_conv"]
    if operation not in known:
        raise UnknownNameError("operation", operation, known)
    x = torch.empty(tuple(input), dtype=dtype, device="meta")
    w = torch.empty(tuple(weight), dtype=dtype, device="meta")
    choice = _choice(algorithm, backend, workspace_limit, tolerance)
    if operation == "long_conv":
        ends = _named(LongBoundary, boundary or LongBoundary.CAUSAL, "boundary")
        return planned(engine_long.problem_for(x, w, ends), choice, measure=measure)
    ndim = int(operation[-2])
    if operation.startswith("conv_transpose"):
        settings = _transposed_settings(ndim, x, w, (stride, padding, output_padding, dilation), groups)
        return planned(convolution.transposed_problem_for(x, w, **settings), choice, measure=measure)
    settings = _settings(ndim, w, stride, padding, dilation, groups, boundary or Boundary.ZEROS)
    return planned(convolution.problem_for(x, w, **settings), choice, measure=measure)


def _conv(
    ndim: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sizes,
    padding: Sizes | str,
    dilation: Sizes,
    groups: int,
    boundary: Boundary | str,
    algorithm: AlgorithmName | str | None,
    backend: Backend | str | None,
) -> Tensor:
    call = None
    if algorithm is None and backend is None and boundary is Boundary.ZEROS:
        call = shortcut.call_of(input, weight, bias, ndim, stride, padding, dilation, groups)
        if shortcut.is_left_to_torch(call):
            return convolution.CONVOLUTION[ndim](input, weight, bias, stride, padding, dilation, groups)
    x = _batched(ndim, input, weight)
    settings = _settings(ndim, weight, stride, padding, dilation, groups, boundary)
    y = convolution.convolution(x, weight, bias, **settings, choice=_choice(algorithm, backend))
    if call is not None and not shortcut.is_known(call):
        shortcut.remember(call, convolution.is_torchs(x, weight, bias, **settings))
    return y if input.ndim == ndim + 2 else y[0]


def _settings(
    ndim: int,
    weight: Tensor,
    stride: Sizes,
    padding: Sizes | str,
    dilation: Sizes,
    groups: int,
    boundary: Boundary | str,
) -> dict[str, Any]:
    """Text and single numbers as the engine's door takes them."""
    single = all(isinstance(value, int | str) for value in (stride, padding, dilation))
    remembers = single and not torch.compiler.is_compiling()
    find: Callable[..., tuple[Shape, Padding, Shape]] = _remembered_steps if remembers else _steps
    strides, sides, dilations = find(ndim, tuple(weight.shape[2:]), stride, padding, dilation)
    return {
        "stride": strides,
        "padding": sides,
        "dilation": dilations,
        "groups": groups,
        "boundary": _named(Boundary, boundary, "boundary"),
    }


def _steps(
    ndim: int, kernel: Shape, stride: Sizes, padding: Sizes | str, dilation: Sizes
) -> tuple[Shape, Padding, Shape]:
    strides, dilations = per_axis(stride, ndim, "stride"), per_axis(dilation, ndim, "dilation")
    return strides, padding_of(padding, kernel, strides, dilations), dilations


_remembered_steps = lru_cache(maxsize=1024, typed=True)(_steps)  # single values can be told apart by type


def _conv_transpose(
    ndim: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    steps: tuple[Sizes | str, Sizes | str, Sizes | str, Sizes | str],
    groups: int,
    algorithm: AlgorithmName | str | None,
    backend: Backend | str | None,
) -> Tensor:
    x = _batched(ndim, input, weight)
    settings = _transposed_settings(ndim, x, weight, steps, groups)
    y = convolution.conv_transpose(x, weight, bias, **settings, choice=_choice(algorithm, backend))
    return y if input.ndim == ndim + 2 else y[0]


def _transposed_settings(
    ndim: int,
    x: Tensor,
    weight: Tensor,
    steps: tuple[Sizes | str, Sizes | str, Sizes | str, Sizes | str],
    groups: int,
) -> dict[str, Any]:
    names = ("stride", "padding", "output_padding", "dilation")
    for name, value in zip(names, steps):
        if isinstance(value, str):
            raise ArgumentError(f"expected {name} of a transposed convolution as integers, got {value!r}")
    stride, padding, output_padding, dilation = (
        per_axis(value, ndim, name) for name, value in zip(names, steps) if not isinstance(value, str)
    )
    axes = zip(x.shape[2:], weight.shape[2:], stride, padding, dilation, output_padding)
    return {
        "stride": stride,
        "padding": padding,
        "output_padding": output_padding,
        "groups": groups,
        "dilation": dilation,
        "output_spatial": tuple(transposed_length(*axis) for axis in axes),
    }


def _batched(ndim: int, input: Tensor, weight: Tensor) -> Tensor:
    if weight.ndim != ndim + 2 or input.ndim not in (ndim + 1, ndim + 2):
        raise ShapeError(
            f"expected input (B, C, {AXES[ndim]}) or (C, {AXES[ndim]}) and a weight of {ndim + 2} axes, "
            f"got input {tuple(input.shape)} and weight {tuple(weight.shape)}"
        )
    return input if input.ndim == ndim + 2 else input[None]


def _choice(
    algorithm: AlgorithmName | str | None,
    backend: Backend | str | None,
    workspace_limit: float | None = None,
    tolerance: float | None = None,
) -> Choice:
    for name, limit in (("workspace_limit", workspace_limit), ("tolerance", tolerance)):
        if limit is not None and not 0 <= limit < float("inf"):
            raise ArgumentError(f"expected {name} as a finite number of 0 or more, got {limit!r}")
    return Choice(
        None if algorithm is None else _named(AlgorithmName, algorithm, "algorithm"),
        None if backend is None else _named(Backend, backend, "backend"),
        workspace_limit,
        tolerance,
    )


def _named(kind: type[Named], value: Named | str, argument: str) -> Named:
    if isinstance(value, kind):
        return value
    known = {member.value: member for member in kind}
    if not isinstance(value, str) or value not in known:
        raise UnknownNameError(argument, str(value), known)
    return known[value]
