r"""A recurrence whose state is a picture and whose factor is a circular convolution, for all frames at once.

    h_t = A * h_{t-1} + x_t

Convolution is a product at each frequency, so that composing two steps, (A' A, A' x + x'), costs the same
however long their kernels have grown. A with one kernel for each channel (C, *kernel) is a scalar recurrence
at each frequency; A between all channels (C, C, *kernel), out by in, a matrix recurrence, taken by doubling.
Kernels have an odd size along each axis and their centre in the middle. Shapes: x, h (B, C, T, *spatial).
"""

import torch
from torch import Tensor

from circulant.core.cost import ZERO_COST, Cost, matmul_cost
from circulant.core.errors import ShapeError
from circulant.core.pairs import times
from circulant.core.sizes import Shape, product
from circulant.engine.costs import problem_cost, transform_cost
from circulant.engine.doors import require_same_kind
from circulant.engine.recurrence import linear_recurrence
from circulant.engine.transform import irfftn, rfftn
from circulant.problems.recurrence import RecurrenceProblem
from circulant.problems.transform import TransformKind


def conv_parallel_scan(kernel: Tensor, x: Tensor, initial_state: Tensor | None = None) -> Tensor:
    """All states of x (B, C, T, *spatial), from initial_state (B, C, *spatial) or zeros."""
    require_same_kind(("x", "kernel", "initial_state"), (x, kernel, initial_state))
    ndim = x.ndim - 3
    _require_fitting(kernel, x, initial_state)
    spatial = tuple(x.shape[3:])
    factor = rfftn(_on_grid(kernel, spatial), ndim).flatten(-1 - ndim, -2)  # (C[, C], bins, 2)
    driven = rfftn(x, ndim).flatten(-1 - ndim, -2)
    start = None if initial_state is None else rfftn(initial_state, ndim).flatten(-1 - ndim, -2)
    solve = _by_channel if kernel.ndim == 1 + ndim else _by_doubling
    states = solve(factor, driven, start)
    bins = (*spatial[:-1], spatial[-1] // 2 + 1)
    return irfftn(states.unflatten(-2, bins), spatial)


def conv_parallel_scan_cost(shape: Shape, kernel: Shape) -> Cost:
    """Of x (B, C, T, *spatial) without an initial state."""
    B, C, T, *spatial = shape
    ndim, bins = len(spatial), product(spatial[:-1]) * (spatial[-1] // 2 + 1)
    there = _transform_cost(product(kernel[:-ndim]), spatial, TransformKind.RFFT)
    there = there + _transform_cost(B * C * T, spatial, TransformKind.RFFT)
    around = there + _transform_cost(B * C * T, spatial, TransformKind.RFFT_ADJOINT)
    if len(kernel) == 1 + ndim:
        problem = RecurrenceProblem(torch.float32, B, C * bins, T, False, True, False, False)
        return around + problem_cost(problem)
    total, reach = around, 1
    while reach < T:
        squared = matmul_cost(2 * C, 2 * C, 2 * C) * bins if 2 * reach < T else ZERO_COST
        total = total + matmul_cost(2 * C, 2 * C, B * (T - reach)) * bins + squared
        reach *= 2
    return total


def _transform_cost(rows: int, spatial: list[int], kind: TransformKind) -> Cost:
    full = TransformKind.FFT if kind is TransformKind.RFFT else TransformKind.FFT_ADJOINT
    total = transform_cost(kind, rows * product(spatial[:-1]), spatial[-1])
    bins = spatial[-1] // 2 + 1
    for axis, size in enumerate(spatial[:-1]):
        others = product(spatial[:-1]) // size
        total = total + transform_cost(full, rows * others * bins, spatial[axis])
    return total


def _on_grid(kernel: Tensor, spatial: Shape) -> Tensor:
    """The kernel with its centre at the origin of a circular grid; what is longer than the grid wraps."""
    for axis, size in zip(range(-len(spatial), 0), spatial):
        taps = kernel.shape[axis]
        place = (torch.arange(taps, device=kernel.device) - taps // 2) % size
        laid = kernel.new_zeros(*kernel.shape[:axis], size, *kernel.shape[kernel.ndim + axis + 1 :])
        kernel = laid.index_add(axis, place, kernel)
    return kernel


def _by_channel(factor: Tensor, driven: Tensor, start: Tensor | None) -> Tensor:
    """factor (C, bins, 2), driven (B, C, T, bins, 2): one recurrence for each channel and bin."""
    C, bins, _ = factor.shape
    rows = driven.transpose(2, 3).flatten(1, 2)
    before = None if start is None else start.flatten(1, 2)
    return linear_recurrence(factor.flatten(0, 1), rows, before).unflatten(1, (C, bins)).transpose(2, 3)


def _by_doubling(factor: Tensor, driven: Tensor, start: Tensor | None) -> Tensor:
    """factor (O, I, bins, 2). After step r the state holds the last 2^r inputs; A^(2^r) brings in as many."""
    matrix, x = _as_real(factor), driven.permute(3, 1, 4, 0, 2)  # (bins, 2 O, 2 I), (bins, C, 2, B, T)
    if start is not None:
        carried = (matrix @ start.permute(2, 1, 3, 0).flatten(1, 2)).unflatten(1, x.shape[1:3])
        x = torch.cat([x[..., :1] + carried[..., None], x[..., 1:]], -1)
    state, reach, steps = x.flatten(1, 2), 1, x.shape[-1]
    while reach < steps:
        earlier = state[..., : steps - reach]
        earlier = (matrix @ earlier.flatten(2)).unflatten(2, earlier.shape[2:])
        state = torch.cat([state[..., :reach], state[..., reach:] + earlier], -1)
        reach *= 2
        matrix = matrix @ matrix if reach < steps else matrix
    return state.unflatten(1, x.shape[1:3]).permute(3, 1, 4, 0, 2)


def _as_real(factor: Tensor) -> Tensor:
    """Complex matrices (O, I, bins, 2) as real ones (bins, 2 O, 2 I) that multiply pairs."""
    turned = times(factor, factor.new_tensor([0.0, 1.0]))
    both = torch.stack([factor, turned], -1)  # (O, I, bins, pair out, pair in)
    return both.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)


def _require_fitting(kernel: Tensor, x: Tensor, initial_state: Tensor | None) -> None:
    ndim = x.ndim - 3
    if ndim < 1 or 0 in x.shape[1:]:
        raise ShapeError(f"expected x (B, C, T, *spatial) without empty axes, got {tuple(x.shape)}")
    C, taps = x.shape[1], tuple(kernel.shape[kernel.ndim - ndim :])
    lead = tuple(kernel.shape[: kernel.ndim - ndim])
    if lead not in ((C,), (C, C)) or any(size % 2 == 0 for size in taps):
        raise ShapeError(
            f"expected a kernel (C, *odd) or (C, C, *odd) with C = {C} and {ndim} odd axes, "
            f"got {tuple(kernel.shape)}"
        )
    wanted = (x.shape[0], C, *x.shape[3:])
    if initial_state is not None and tuple(initial_state.shape) != wanted:
        raise ShapeError(f"expected initial_state {wanted}, got {tuple(initial_state.shape)}")
