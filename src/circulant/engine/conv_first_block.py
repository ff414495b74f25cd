"""The door to the residual block that convolves first.

Its gradients recompute what lies between the layers, from torch's own operators, so that they can be
differentiated again.
"""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from circulant.backends.torch.conv_first_block import direct, gradients
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.operator import require_input
from circulant.core.sizes import Shape
from circulant.engine.choice import FREE, Choice, current
from circulant.engine.doors import autocast_operand, needs_gradient, require_same_kind
from circulant.engine.execute import execute
from circulant.engine.planner import is_torch_library, plan
from circulant.engine.trilinear import as_arguments, from_arguments
from circulant.problems.conv_first_block import BlockActivation, ConvFirstBlockProblem

NAMES = ("x", "kernel", "kernel_bias", "expand", "expand_bias", "project", "project_bias")


@final
@dataclass(frozen=True, slots=True)
class BlockWeights:
    """kernel (C, C / groups, K, K), expand (E, C, 1, 1), project (C, E, 1, 1), and a bias for each."""

    kernel: Tensor
    kernel_bias: Tensor
    expand: Tensor
    expand_bias: Tensor
    project: Tensor
    project_bias: Tensor

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return (
            self.kernel, self.kernel_bias, self.expand, self.expand_bias, self.project, self.project_bias
        )  # fmt: skip


def conv_first_block(
    x: Tensor, weights: BlockWeights, activation: BlockActivation, *, choice: Choice = FREE
) -> Tensor:
    """y = x + project activation(expand (kernel * x)), biases left out here; x (B, C, H, W) -> y alike."""
    operands = [autocast_operand(operand) for operand in (x, *weights.tensors)]
    require_same_kind(NAMES, operands)
    require_input(x, weights.kernel.shape[0], (2,))
    problem = problem_for([tuple(operand.shape) for operand in operands], activation, operands[0].dtype)
    choice = choice.or_else(current())
    if calls_torch(problem, choice, *operands):
        return direct(problem, *operands)
    return _block(operands, activation.value, *as_arguments(choice))


def problem_for(
    shapes: list[Shape], activation: BlockActivation, dtype: torch.dtype
) -> ConvFirstBlockProblem:
    """What there is to plan, for the shapes of x and of the six weights."""
    problem = _problem_of(shapes, activation, dtype)
    wanted = problem.operand_shapes
    if shapes[1][-1] % 2 == 0:
        raise ArgumentError(
            f"expected a kernel with an odd number of taps, got {shapes[1]}; add a row of zeros"
        )
    if tuple(shapes) != wanted:
        pairs = zip(NAMES, shapes, wanted)
        name, came, needed = next(pair for pair in pairs if pair[1] != pair[2])
        raise ShapeError(
            f"expected {name} {needed} for x {shapes[0]}, got {came}; build the weights together"
        )
    return problem


def _problem_of(
    shapes: list[Shape], activation: BlockActivation, dtype: torch.dtype
) -> ConvFirstBlockProblem:
    (batch, channels, *spatial), kernel, expand = shapes[0], shapes[1], shapes[3]
    groups = channels // kernel[1]
    return ConvFirstBlockProblem(
        dtype, activation, batch, channels, tuple(spatial), kernel[-1], groups, expand[0]
    )


def calls_torch(problem: ConvFirstBlockProblem, choice: Choice, *operands: Tensor) -> bool:
    """Whether the layers run one by one; always where gradients will be asked for, which need what lies
    between them."""
    if torch.compiler.is_compiling():
        return False
    x = operands[0]
    if x.numel() == 0:
        return choice == FREE
    if choice.algorithm is None and choice.backend is None and needs_gradient(*operands):
        return choice.workspace_limit is None
    return is_torch_library(plan(problem, choice, x.device.type).chosen)


@torch.library.custom_op("circulant::conv_first_block", mutates_args=())
def _block(
    operands: list[Tensor],
    activation: str,
    algorithm: str | None,
    backend: str | None,
    workspace_limit: float | None,
    tolerance: float | None,
) -> Tensor:
    choice = from_arguments(algorithm, backend, workspace_limit, tolerance)
    return execute(_problem(operands, activation), tuple(operands), choice)


def _problem(operands: list[Tensor], activation: str) -> ConvFirstBlockProblem:
    shapes = [tuple(operand.shape) for operand in operands]
    return _problem_of(shapes, BlockActivation(activation), operands[0].dtype)


@_block.register_fake
def _(operands: list[Tensor], *_: Any) -> Tensor:
    return operands[0].new_empty(operands[0].shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    operands, ctx.activation, *_ = inputs
    ctx.save_for_backward(*operands)


def _backward(ctx: Any, cotangent: Tensor) -> tuple[Any, ...]:
    operands = list(ctx.saved_tensors)
    solved = gradients(_problem(operands, ctx.activation), cotangent.contiguous(), *operands)
    return list(solved), None, None, None, None, None


def _vmap(info: Any, in_dims: Any, operands: list[Tensor], *rest: Any) -> tuple[Tensor, int]:
    """One call for each mapped index: operands may be mapped apart."""
    rows = []
    for index in range(info.batch_size):
        pairs = zip(operands, in_dims[0])
        rows.append(_block([x if axis is None else x.select(axis, index) for x, axis in pairs], *rest))
    return torch.stack(rows), 0


_block.register_autograd(_backward, setup_context=_save)
_block.register_vmap(_vmap)


@register_flop_formula(torch.ops.circulant.conv_first_block)
def _flop(shapes: list[Shape], activation: str, *_: Any, **__: Any) -> int:
    return round(_problem_of(list(shapes), BlockActivation(activation), torch.float32).flop)
