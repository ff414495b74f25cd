"""Long convolution by FFT, any length and kernel length, forward and both gradients.

Batches and channels must not be empty; a circular kernel must not be longer than the input. `block` is
the number of samples that a transform holds, at least twice the taps and less than the row; 0 for the
whole row in one transform.
"""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from circulant.backends.native import core
from circulant.backends.native.call import Operand, call_planned
from circulant.backends.native.core import InstructionSet
from circulant.core.sizes import Shape
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot


def solve(problem: LongConvProblem, first: Tensor, second: Tensor, *, block: int = 0) -> Tensor:
    """The problem's slot from its two operands."""
    if problem.slot is Slot.OUTPUT:
        return output(problem, first, second, block=block)
    if problem.slot is Slot.INPUT:
        return input_gradient(problem, first, second, block=block)
    return kernel_gradient(problem, first, second, block=block)


def output(
    problem: LongConvProblem,
    x: Tensor,
    kernel: Tensor | None,
    skip: Tensor | None = None,
    gate_in: Tensor | None = None,
    gate_out: Tensor | None = None,
    *,
    spectra: Tensor | None = None,
    block: int = 0,
) -> Tensor:
    """y = gate_out (k * z + skip z) with z = gate_in x and (k * z)[l] = sum_m k[c, m] z[b, c, l + shift - m].

    The skip needs a tap of no lag: a shift below the number of taps. `spectra` of the function of that
    name, for the same problem and block, take the place of kernel and skip.
    """
    plan, row = _plan(problem, block), problem.input_shape
    operands = (
        Operand("x", x, row),
        None if kernel is None else Operand("kernel", kernel, _kernel_shape(problem)),
        None if skip is None else Operand("skip", skip, (problem.channels,)),
        None if gate_in is None else Operand("gate_in", gate_in, row),
        None if gate_out is None else Operand("gate_out", gate_out, row),
        None if spectra is None else _spectra_operand(problem, plan, spectra),
    )
    return call_planned("long_conv_output", plan, operands, (row,), problem.dtype)[0]


def spectra(
    problem: LongConvProblem, kernel: Tensor, skip: Tensor | None = None, *, block: int = 0
) -> Tensor:
    """What `output` would find anew in each call, for a kernel that does not change: one row a channel."""
    plan = _plan(problem, block)
    dtype = torch.promote_types(problem.dtype, torch.float32)
    result = torch.empty(problem.channels, plan.spectrum_scalars, dtype=dtype)
    operands = (
        Operand("kernel", kernel, _kernel_shape(problem)),
        None if skip is None else Operand("skip", skip, (problem.channels,)),
        _spectra_operand(problem, plan, result),
    )
    call_planned("long_conv_spectra", plan, operands, (), problem.dtype)
    return result


def _spectra_operand(problem: LongConvProblem, plan: Any, spectra: Tensor) -> Operand:
    dtype = torch.promote_types(problem.dtype, torch.float32)
    return Operand("spectra", spectra, (problem.channels, plan.spectrum_scalars), dtype)


def input_gradient(problem: LongConvProblem, g: Tensor, kernel: Tensor, *, block: int = 0) -> Tensor:
    """gx[b, c, j] = sum_m k[c, m] g[b, c, j - shift + m]."""
    row = problem.input_shape
    operands = (
        Operand("the output's gradient", g, row),
        Operand("kernel", kernel, _kernel_shape(problem)),
    )
    return call_planned("long_conv_input_gradient", _plan(problem, block), operands, (row,), problem.dtype)[0]


def kernel_gradient(problem: LongConvProblem, x: Tensor, g: Tensor, *, block: int = 0) -> Tensor:
    """gk[c, m] = sum_{b, l} g[b, c, l] x[b, c, l + shift - m]."""
    row, taps = problem.input_shape, _kernel_shape(problem)
    operands = (Operand("x", x, row), Operand("the output's gradient", g, row))
    plan = _plan(problem, block)
    return call_planned("long_conv_kernel_gradient", plan, operands, (taps,), problem.dtype)[0]


def gradients(
    problem: LongConvProblem, x: Tensor, kernel: Tensor, g: Tensor, *, block: int = 0
) -> tuple[Tensor, Tensor]:
    """Those of x and of the kernel at once, from three transforms a row instead of four."""
    row, taps = problem.input_shape, _kernel_shape(problem)
    operands = (
        Operand("x", x, row),
        Operand("kernel", kernel, taps),
        Operand("the output's gradient", g, row),
    )
    gx, gk = call_planned("long_conv_gradients", _plan(problem, block), operands, (row, taps), problem.dtype)
    return gx, gk


def workspace_byte(problem: LongConvProblem, threads: int, *, block: int = 0) -> int:
    """What a call allocates besides its operands and its result."""
    buffers = 3 if problem.slot is Slot.KERNEL else 2
    return _plan(problem, block).workspace_bytes(threads, buffers)


def _kernel_shape(problem: LongConvProblem) -> Shape:
    return (problem.channels, problem.kernel)


def _plan(problem: LongConvProblem, block: int) -> Any:
    p = problem
    sizes = (p.batch, p.channels, p.length, p.kernel, p.shift, p.circular)
    return _made_plan(sizes, p.dtype == torch.float64, core.instruction_set(), block)


@lru_cache(maxsize=16)  # the roots of a transform take about 12 bytes a sample
def _made_plan(
    sizes: tuple[int, int, int, int, int, bool],
    is_double: bool,
    instruction_set: InstructionSet,
    block: int,
) -> Any:
    module = core.load()
    return module.LongConvPlan(*sizes, is_double, module.Isa[instruction_set.name], block)
