"""The door to pooling: the largest value, or the average, of every window."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from circulant.backends.torch.pooling import direct
from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.core.operator import AXES
from circulant.core.sizes import Shape, product
from circulant.engine.choice import FREE, Choice, current
from circulant.engine.doors import needs_gradient
from circulant.engine.execute import execute
from circulant.engine.planner import is_torch_library, plan
from circulant.engine.trilinear import as_arguments, from_arguments
from circulant.problems.pooling import PoolingProblem, PoolMode

PLANNED_TAPS = 64  # compiled code asks the planner from this many taps on; below, torch's kernel is fused


def pooling(
    x: Tensor, kernel: Shape, *, stride: Shape, padding: Shape, mode: PoolMode, choice: Choice = FREE
) -> Tensor:
    """x (B, C, *spatial) -> (B, C, *output_spatial), with 1 or 2 spatial axes."""
    problem = problem_for(x, kernel, stride=stride, padding=padding, mode=mode)
    choice = choice.or_else(current())
    if calls_torch(problem, choice, x):
        return direct(problem, x)
    settings = [*kernel, *stride, *padding]
    return _pool(x, settings, mode.value, *as_arguments(choice))


def problem_for(x: Tensor, kernel: Shape, *, stride: Shape, padding: Shape, mode: PoolMode) -> PoolingProblem:
    """What there is to plan."""
    if not x.is_floating_point():
        raise DtypeError(f"expected x of a floating-point dtype, got {x.dtype}; convert it with x.float()")
    ndim = x.ndim - 2
    if ndim not in (1, 2):
        raise ShapeError(f"expected x (B, C, L) or (B, C, H, W), got x {tuple(x.shape)}; add or join axes")
    if 0 in x.shape[2:]:
        raise ShapeError(f"expected at least 1 sample along each axis, got x {tuple(x.shape)}; drop it")
    if min(*kernel, *stride) < 1:
        raise ArgumentError(f"expected kernel and stride of 1 or more, got {kernel} and {stride}")
    if any(not 0 <= 2 * p <= k for p, k in zip(padding, kernel)):
        raise ArgumentError(f"expected padding from 0 to half of the kernel {kernel}, got {padding}")
    problem = PoolingProblem(
        x.dtype, mode, x.shape[0], x.shape[1], tuple(x.shape[2:]), kernel, stride, padding
    )
    if min(problem.output_spatial) < 1:
        raise ShapeError(
            f"expected a kernel that fits the padded input ({AXES[ndim]}), got kernel {kernel} and padding "
            f"{padding} on {problem.spatial}; pad more or use a smaller kernel"
        )
    return problem


def calls_torch(problem: PoolingProblem, choice: Choice, x: Tensor) -> bool:
    """Whether torch's own function is the plan. It also keeps the places of largest values for later."""
    if torch.compiler.is_compiling():
        return choice == FREE and product(problem.kernel) < PLANNED_TAPS
    if x.numel() == 0:
        return choice == FREE
    is_free = choice.algorithm is None and choice.backend is None
    if is_free and problem.mode is PoolMode.MAX and needs_gradient(x):
        return True
    return is_torch_library(plan(problem, choice, x.device.type).chosen)


def _problem_of(shape: Shape, settings: Sequence[int], mode: str, dtype: torch.dtype) -> PoolingProblem:
    """settings: kernel, stride, padding (ndim each)."""
    batch, channels, *spatial = shape
    kernel, stride, padding = (tuple(settings[i * len(spatial) : (i + 1) * len(spatial)]) for i in range(3))
    return PoolingProblem(dtype, PoolMode(mode), batch, channels, tuple(spatial), kernel, stride, padding)


@torch.library.custom_op("circulant::pooling", mutates_args=())
def _pool(
    x: Tensor,
    settings: Sequence[int],
    mode: str,
    algorithm: str | None,
    backend: str | None,
    workspace_limit: float | None,
    tolerance: float | None,
) -> Tensor:
    choice = from_arguments(algorithm, backend, workspace_limit, tolerance)
    return execute(_problem_of(tuple(x.shape), settings, mode, x.dtype), (x,), choice)


@_pool.register_fake
def _(x: Tensor, settings: Sequence[int], mode: str, *_: Any) -> Tensor:
    return x.new_empty(_problem_of(tuple(x.shape), settings, mode, x.dtype).result_shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, ctx.settings, ctx.mode, *_ = inputs
    ctx.save_for_backward(x)


def _backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
    """By torch's own: an average spreads its cotangent, a largest value hands it to the first of its kind."""
    (x,) = ctx.saved_tensors
    problem = _problem_of(tuple(x.shape), ctx.settings, ctx.mode, x.dtype)
    sizes = (_as_picture(problem.kernel, 1), _as_picture(problem.stride, 1), _as_picture(problem.padding, 0))
    picture, gradient = (t if t.ndim == 4 else t.unsqueeze(2) for t in (x, cotangent.contiguous()))
    if problem.mode is PoolMode.AVERAGE:
        spread = torch.ops.aten.avg_pool2d_backward(gradient, picture, *sizes, False, True, None)
    else:
        places = torch.ops.aten.max_pool2d_with_indices(picture.detach(), *sizes)[1]
        spread = torch.ops.aten.max_pool2d_with_indices_backward(
            gradient, picture, *sizes, [1, 1], False, places
        )
    return (spread.reshape(x.shape), *(None,) * 6)


def _as_picture(sizes: Shape, fill: int) -> list[int]:
    return [fill] * (2 - len(sizes)) + list(sizes)


def _vmap(info: Any, in_dims: Any, x: Tensor, *rest: Any) -> tuple[Tensor, int]:
    """The mapped index joins the batch."""
    joined = x.movedim(in_dims[0], 0).flatten(0, 1)
    return _pool(joined, *rest).unflatten(0, (info.batch_size, -1)), 0


_pool.register_autograd(_backward, setup_context=_save)
_pool.register_vmap(_vmap)
