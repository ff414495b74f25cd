"""Long convolution by Monarch transforms: of order 2 in on-chip memory, in three passes beyond it.

Any length and kernel length, forward and both gradients; gates and a skip connection fused into the
forward pass. Half precision is read and written as such, and multiplied on matrix units with the 10
bits of fraction that they keep of float32; float32 itself is split for three such products.
"""

import torch
from torch import Tensor

from circulant.backends.triton import long_conv_passes
from circulant.backends.triton.gates import OPEN, Gates
from circulant.backends.triton.launch import Operand, contiguous, launch
from circulant.backends.triton.signals import product_of
from circulant.backends.triton.transform_layout import Layout, layout_of
from circulant.backends.triton.transform_settings import settings_of
from circulant.backends.triton.transform_tables import tile_tables
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot

ENOUGH_PROGRAMS = 512  # several for each processor of the largest GPUs


def solve(problem: LongConvProblem, first: Tensor, second: Tensor, *, layout: Layout | None = None) -> Tensor:
    """The problem's slot from its two operands, in the best layout unless one is asked for."""
    if problem.slot is Slot.OUTPUT:
        return output(problem, first, second, layout=layout)
    gradient = input_gradient if problem.slot is Slot.INPUT else kernel_gradient
    return gradient(problem, first, second, layout=layout)


def output(
    problem: LongConvProblem,
    x: Tensor,
    kernel: Tensor,
    skip: Tensor | None = None,
    gate_in: Tensor | None = None,
    gate_out: Tensor | None = None,
    *,
    layout: Layout | None = None,
) -> Tensor:
    """y = gate_out (k * z + skip z), z = gate_in x, (k * z)[l] = sum_m k[c, m] z[b, c, l + shift - m]."""
    p, row = problem, problem.input_shape
    x, k = contiguous(p.dtype, Operand("x", x, row), Operand("kernel", kernel, (p.channels, p.kernel)))

    def laid(name: str, tensor: Tensor | None) -> Tensor | None:
        shape = (p.channels,) if name == "skip" else row
        return None if tensor is None else contiguous(p.dtype, Operand(name, tensor, shape))[0]

    gates = Gates(laid("skip", skip), laid("gate_in", gate_in), laid("gate_out", gate_out))
    return _convolved(p, layout, x, k, gates)


def input_gradient(
    problem: LongConvProblem, g: Tensor, kernel: Tensor, *, layout: Layout | None = None
) -> Tensor:
    """gx[b, c, j] = sum_m k[c, m] g[b, c, j - shift + m]."""
    g, k = contiguous(
        problem.dtype,
        Operand("the output's gradient", g, problem.input_shape),
        Operand("kernel", kernel, (problem.channels, problem.kernel)),
    )
    return _convolved(problem, layout, g, k, OPEN)


def kernel_gradient(
    problem: LongConvProblem, x: Tensor, g: Tensor, *, layout: Layout | None = None
) -> Tensor:
    """gk[c, m] = sum_{b, l} g[b, c, l] x[b, c, l + shift - m]."""
    row = problem.input_shape
    x, g = contiguous(problem.dtype, Operand("x", x, row), Operand("the output's gradient", g, row))
    chosen = layout or layout_of(problem)
    solve_so = _kernel_gradient if chosen.outer == 1 else long_conv_passes.kernel_gradient
    return solve_so(problem, chosen, x, g)


def _convolved(
    problem: LongConvProblem, layout: Layout | None, x: Tensor, kernel: Tensor, gates: Gates
) -> Tensor:
    chosen = layout or layout_of(problem)
    solve_so = _convolve if chosen.outer == 1 else long_conv_passes.convolve
    return solve_so(problem, chosen, x, kernel, gates)


def _images(problem: LongConvProblem) -> int:
    """Images to a program: all, unless channels are few."""
    return -(-problem.batch // max(ENOUGH_PROGRAMS // problem.channels, 1))


def _convolve(problem: LongConvProblem, layout: Layout, x: Tensor, kernel: Tensor, gates: Gates) -> Tensor:
    from circulant.backends.triton.kernels import monarch

    p, product, N = problem, product_of(problem), layout.points
    settings, images, y = settings_of(p.dtype, layout), _images(p), torch.empty_like(x)
    tables = tile_tables(layout, settings.dtype, x.device)
    spectra = torch.empty(p.channels, 2, N, dtype=settings.dtype, device=x.device)
    launch(
        monarch.spectrum, (p.channels,), x, kernel, tables, spectra, product.second.sizes,
        FULL=product.second.extent > N, **settings.constants,
    )  # fmt: skip
    launch(
        monarch.convolve, (p.channels, -(-p.batch // images)), x, x, spectra, y, tables, product.first.sizes,
        product.kept.sizes, *gates.arguments, p.batch, images, REVERSE=product.kept.is_reversed,
        FULL_IN=product.first.extent > N, FULL_OUT=product.kept.end > N, **settings.constants,
    )  # fmt: skip
    return y


def _kernel_gradient(problem: LongConvProblem, layout: Layout, x: Tensor, g: Tensor) -> Tensor:
    from circulant.backends.triton.kernels import monarch

    p, product, N = problem, product_of(problem), layout.points
    settings, images = settings_of(p.dtype, layout), _images(problem)
    shares = -(-p.batch // images)
    partial = torch.empty(shares, p.channels, p.kernel, dtype=settings.dtype, device=x.device)
    launch(
        monarch.correlate, (p.channels, shares), x, g, x, partial,
        tile_tables(layout, settings.dtype, x.device), product.first.sizes, product.second.sizes,
        product.kept.sizes, p.batch, images, FULL_FIRST=product.first.extent > N,
        FULL_SECOND=product.second.extent > N, FULL_OUT=product.kept.end > N, **settings.constants,
    )  # fmt: skip
    return partial.sum(0).to(p.dtype)
