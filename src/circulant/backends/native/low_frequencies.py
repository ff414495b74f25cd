"""The lowest frequencies of real signals: lines keep what is wanted of them; operands must not be empty."""

import torch
from torch import Tensor

from circulant.backends.native.call import Operand, call_planned
from circulant.backends.native.transform import plan_of
from circulant.core.corners import among_zeros, cut
from circulant.core.sizes import Shape
from circulant.problems.low_frequencies import LowFrequenciesProblem


def solve(problem: LowFrequenciesProblem, x: Tensor) -> Tensor:
    """Along the last axis the other bins are never written; half precision is widened here."""
    p, wide = problem, torch.promote_types(problem.dtype, torch.float32)
    bins: Shape = (p.rows, *p.sizes[:-1], p.modes[-1], 2)
    samples: Shape = (p.rows, *p.sizes)
    plan = plan_of(p.whole, wide, p.modes[-1])
    if p.kind.takes_half_spectrum:
        operand = Operand("the bins", among_zeros(x.to(wide), p.modes, p.sizes), bins)
        return call_planned("transform", plan, [operand], (samples,), wide, p.rows)[0].to(p.dtype)
    operand = Operand("x", x.to(wide), samples)
    spectrum = call_planned("transform", plan, [operand], (bins,), wide, p.rows)[0]
    return cut(spectrum, p.modes, p.sizes).to(p.dtype)
