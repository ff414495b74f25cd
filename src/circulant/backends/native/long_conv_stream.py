"""Long causal convolution token by token in the core: one call for each chunk of tokens.

The kernel's spectra are found at construction; a copy shares them.
"""

from typing import Any, final

import torch
from torch import Tensor

from circulant.backends.native import core
from circulant.backends.native.scalars import SCALARS


@final
class NativeLongConvStream:
    """Tokens of one dtype, their past in the kernel's, float32 or float64. The caller checks operands.

    Not safe to pickle: take past() and resume().
    """

    def __init__(self, kernel: Tensor, batch: int, dtype: torch.dtype) -> None:
        """kernel (C, K)."""
        module = core.load()
        self._dtype, self._rows, self._past_dtype = dtype, (batch, kernel.shape[0]), kernel.dtype
        self._taps = kernel.shape[1]
        self._scalar = getattr(module.Scalar, SCALARS[dtype])
        classes = {torch.float32: module.LongConvStreamFloat32, torch.float64: module.LongConvStreamFloat64}
        isa = module.Isa[core.instruction_set().name]
        kernel = kernel.contiguous()
        self._core: Any = classes[kernel.dtype](
            batch, *kernel.shape, kernel.data_ptr(), isa, torch.get_num_threads()
        )

    def prefers_steps(self, tokens: int) -> bool:
        """Whether so many tokens are better taken one by one than convolved as a whole."""
        return tokens < 32 or (self.seen > 0 and tokens <= self._taps // 8)

    def advance(self, x: Tensor, gate_in: Tensor | None, gate_out: Tensor | None, tokens: int) -> Tensor:
        """x and gates (tokens, B, C), or (B, C) for one token -> y of that shape."""
        x = x.contiguous()
        y = torch.empty_like(x)
        gates = tuple(gate if gate is None else gate.contiguous() for gate in (gate_in, gate_out))
        first, second = (0 if gate is None else gate.data_ptr() for gate in gates)
        self._core.advance(
            self._scalar, x.data_ptr(), first, second, y.data_ptr(), tokens, torch.get_num_threads()
        )
        return y

    @property
    def seen(self) -> int:
        """Gated inputs that can still matter."""
        return self._core.seen()

    @property
    def state_byte(self) -> int:
        """Memory of this stream alone."""
        return self._core.state_bytes

    @property
    def kernel_byte(self) -> int:
        """Memory of taps and spectra, which copies share."""
        return self._core.kernel_bytes

    def past(self) -> Tensor:
        """The last gated inputs (B, C, seen)."""
        z = torch.empty(*self._rows, self.seen, dtype=self._past_dtype)
        self._core.past(z.data_ptr())
        return z

    def resume(self, past: Tensor) -> None:
        """Go on after these gated inputs (B, C, at most K - 1)."""
        past = past.contiguous()
        self._core.resume(past.data_ptr(), past.shape[-1], torch.get_num_threads())

    def copy(self) -> "NativeLongConvStream":
        made = object.__new__(NativeLongConvStream)
        made.__dict__.update(self.__dict__)
        made._core = self._core.copy()
        return made
