"""Long convolution between two gates, with a skip: one torch operator, differentiable to any order.

    y = gate_out (kernel * z + skip z),  z = gate_in x

A plan that takes gates and skip runs in one pass over x and y; any other convolves z. Nothing but the
operands is kept for the backward pass, which computes z and the convolution again.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from circulant.core.sizes import Shape
from circulant.engine.choice import Choice
from circulant.engine.execute import execute, without_autocast
from circulant.engine.long_conv_op import CONVOLVE_LONG, problem_of
from circulant.engine.planner import plan
from circulant.engine.trilinear import as_arguments, at_index, from_arguments
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot


@torch.library.custom_op("circulant::gated_long_conv", mutates_args=())
def _op(
    x: Tensor,
    kernel: Tensor,
    skip: Tensor | None,
    gate_in: Tensor | None,
    gate_out: Tensor | None,
    settings: Sequence[int],
    algorithm: str | None,
    backend: str | None,
    workspace_limit: float | None,
    tolerance: float | None,
) -> Tensor:
    choice = from_arguments(algorithm, backend, workspace_limit, tolerance)
    problem = problem_of(Slot.OUTPUT, tuple(x.shape), tuple(kernel.shape), settings, x.dtype)
    device = x.device.type
    if x.numel():
        gated = plan(problem, choice, device).chosen.gated
        if gated is not None and (skip is None or problem.shift < problem.kernel):
            with without_autocast(device):
                return gated(problem, x, kernel, skip, gate_in, gate_out)
    with without_autocast(device):
        return _composed(problem, choice, x, kernel, skip, gate_in, gate_out)


def gated_long_conv(
    x: Tensor,
    kernel: Tensor,
    skip: Tensor | None,
    gate_in: Tensor | None,
    gate_out: Tensor | None,
    settings: Sequence[int],
    choice: Choice,
) -> Tensor:
    """x (B, C, L), kernel (C, K), skip (C), gates (B, C, L) -> y (B, C, L); settings as for long_conv."""
    return _op(x, kernel, skip, gate_in, gate_out, settings, *as_arguments(choice))


def _composed(
    problem: LongConvProblem,
    choice: Choice,
    x: Tensor,
    kernel: Tensor,
    skip: Tensor | None,
    gate_in: Tensor | None,
    gate_out: Tensor | None,
) -> Tensor:
    z = x if gate_in is None else x * gate_in
    y = execute(problem, (z, kernel), choice)
    if skip is not None:
        y = y + skip[:, None] * z
    return y if gate_out is None else y * gate_out


@_op.register_fake
def _fake(x: Tensor, *_: Any) -> Tensor:
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *operands, ctx.settings, algorithm, backend, workspace_limit, tolerance = inputs
    ctx.choice = from_arguments(algorithm, backend, workspace_limit, tolerance)
    ctx.save_for_backward(*operands)


def _backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
    """By the product rule, from operators that can be differentiated again."""
    x, kernel, skip, gate_in, gate_out = ctx.saved_tensors
    wanted = ctx.needs_input_grad

    def solve(slot: Slot, first: Tensor, second: Tensor) -> Tensor:
        return CONVOLVE_LONG(slot, first, second, ctx.settings, ctx.choice)

    z = x if gate_in is None else x * gate_in
    of_y = g if gate_out is None else g * gate_out
    of_x = of_gate_in = of_gate_out = None
    if wanted[0] or wanted[3]:
        of_z = solve(Slot.INPUT, of_y, kernel)
        of_z = of_z if skip is None else of_z + skip[:, None] * of_y
        of_x = of_z if gate_in is None else of_z * gate_in
        of_gate_in = of_z * x if wanted[3] else None
    if wanted[4]:
        y = solve(Slot.OUTPUT, z, kernel)
        of_gate_out = g * (y if skip is None else y + skip[:, None] * z)
    of_kernel = solve(Slot.KERNEL, z, of_y) if wanted[1] else None
    of_skip = (of_y * z).sum((0, 2)) if wanted[2] else None
    return of_x, of_kernel, of_skip, of_gate_in, of_gate_out, None, None, None, None, None


_op.register_autograd(_backward, setup_context=_save)


@_op.register_vmap
def _vmap(info: Any, in_dims: Any, *arguments: Any) -> tuple[Tensor, int]:
    """One call for each mapped index: each operand may be mapped apart."""
    return torch.stack([_op(*at_index(arguments, in_dims, i)) for i in range(info.batch_size)]), 0


@register_flop_formula(torch.ops.circulant.gated_long_conv)
def _flop(x: Shape, kernel: Shape, *rest: Any, **__: Any) -> int:
    return round(problem_of(Slot.OUTPUT, x, kernel, rest[3], torch.float32).flop)
