"""Selective scan and its gradients, fused; operands must not be empty."""

import torch
from torch import Tensor

from circulant.algorithms.scan import SelectiveFusedScan
from circulant.backends.native import core
from circulant.backends.native.call import Operand, contiguous_each
from circulant.backends.native.scalars import SCALARS
from circulant.problems.selective_scan import SelectiveScanProblem

STORED = ("u", "delta", "B", "C")  # the others are in the type of the arithmetic
NAMES = ("u", "delta", "A", "B", "C", "the initial state", "the output's gradient", "the state's gradient")


def solve(problem: SelectiveScanProblem, *operands: Tensor) -> Tensor:
    """y and the last state, or all gradients, one behind another."""
    p, module = problem, core.load()
    wide = p.dtype if p.dtype == torch.float64 else torch.float32
    given = [
        Operand(name, operand, shape) if name in STORED else Operand(name, operand.to(wide), shape, wide)
        for name, operand, shape in zip(NAMES, operands, p.operand_shapes)
    ]
    tensors = contiguous_each(given, p.dtype)
    result = torch.empty(p.result_shape, dtype=wide)
    sizes = module.SelectiveSizes(
        batch=p.batch,
        channels=p.channels,
        groups=p.groups,
        state=p.state,
        length=p.length,
        chunk=SelectiveFusedScan().chunk(p),
    )
    kernel = module.selective_scan_gradients if p.gradients else module.selective_scan
    addresses = [tensor.data_ptr() for tensor in tensors]
    kernel(
        sizes,
        module.Scalar[SCALARS[p.dtype]],
        addresses[: len(p.forward_shapes)],
        *addresses[len(p.forward_shapes) :],
        result.data_ptr(),
        torch.get_num_threads(),
        module.Isa[core.instruction_set().name],
    )
    return result
