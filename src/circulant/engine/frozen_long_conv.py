"""Long convolution with a kernel that does not change: its spectra are found once, not in every call."""

from functools import lru_cache
from typing import final

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape
from circulant.engine.choice import FREE, Choice, current
from circulant.engine.doors import needs_gradient, require_same_kind
from circulant.engine.execute import without_autocast
from circulant.engine.long_conv import LongBoundary, fitted, long_conv, require_shapes
from circulant.engine.long_conv_op import problem_of
from circulant.engine.planner import plan
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot

REMEMBERED = 4  # input shapes whose spectra are kept


@final
class FrozenLongConv:
    """`long_conv` with kernel (C, K) and skip (C) as they are now; both are copied.

    Called with x (B, C, L) and gates of its shape -> y (B, C, L). The spectra for the last four shapes of
    x are kept, as many numbers for each channel as the transform has samples; where the plan knows no
    spectra it is `long_conv` itself. No gradient flows, and operands that need one are refused.
    """

    def __init__(
        self,
        kernel: Tensor,
        *,
        skip: Tensor | None = None,
        boundary: LongBoundary = LongBoundary.CAUSAL,
        choice: Choice = FREE,
    ) -> None:
        require_same_kind(("kernel", "skip"), (kernel, skip))
        self._kernel = kernel.detach().clone()
        self._skip = None if skip is None else skip.detach().clone()
        self._boundary = boundary
        self._choice = choice.or_else(current())
        self._spectra = lru_cache(maxsize=REMEMBERED)(self._find_spectra)

    def __call__(self, x: Tensor, gate_in: Tensor | None = None, gate_out: Tensor | None = None) -> Tensor:
        operands = (x, self._kernel, self._skip, gate_in, gate_out)
        require_same_kind(("x", "kernel", "skip", "gate_in", "gate_out"), operands)
        require_shapes(*operands)
        for name, tensor in (("x", x), ("gate_in", gate_in), ("gate_out", gate_out)):
            if tensor is not None and needs_gradient(tensor):
                raise ArgumentError(
                    f"expected {name} to need no gradient, got one that does; call it under torch.no_grad(), "
                    "or train with long_conv"
                )
        with torch.no_grad(), without_autocast(x.device.type):
            return self._convolved(x, gate_in, gate_out)

    def _convolved(self, x: Tensor, gate_in: Tensor | None, gate_out: Tensor | None) -> Tensor:
        spectra = None if x.numel() == 0 else self._spectra(tuple(x.shape), torch.get_num_threads())
        if spectra is None:
            return long_conv(
                x, self._kernel, skip=self._skip, gate_in=gate_in, gate_out=gate_out,
                boundary=self._boundary, choice=self._choice,
            )  # fmt: skip
        problem = self._problem(tuple(x.shape))
        gated = plan(problem, self._choice, x.device.type).chosen.gated
        assert gated is not None  # a row with spectra takes them there
        return gated(problem, x, None, None, gate_in, gate_out, spectra=spectra)

    def _problem(self, shape: Shape) -> LongConvProblem:
        taps, shift = fitted(self._kernel, shape[-1], self._boundary)
        settings = (taps.shape[-1], shift, int(self._boundary is LongBoundary.CIRCULAR))
        return problem_of(Slot.OUTPUT, shape, tuple(taps.shape), settings, taps.dtype)

    def _find_spectra(self, shape: Shape, threads: int) -> Tensor | None:
        """threads: plans may differ with their number."""
        problem = self._problem(shape)
        find = plan(problem, self._choice, self._kernel.device.type).chosen.spectra
        if find is None or (self._skip is not None and problem.shift >= problem.kernel):
            return None  # a skip needs a tap of no lag
        taps, _ = fitted(self._kernel, shape[-1], self._boundary)
        return find(problem, taps, self._skip)
