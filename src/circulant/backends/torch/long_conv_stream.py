"""Long causal convolution token by token: all taps times the last inputs, summed."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, final

import torch
from torch import Tensor


@final
class TorchLongConvStream:
    """Tokens of one dtype, their past in the kernel's, float32 or float64. The caller checks operands.

    Inputs are appended to a buffer of twice the kernel's length, so that the last ones always lie side by
    side and are moved only once for each K tokens.
    """

    def __init__(self, kernel: Tensor, batch: int, dtype: torch.dtype) -> None:
        """kernel (C, K)."""
        self._dtype = dtype
        self._backwards = kernel.flip(-1)
        channels, taps = kernel.shape
        self._buffer = kernel.new_zeros(batch, channels, 2 * taps)
        self._end = taps - 1  # of the inputs so far; what was before the first is zero
        self._seen = 0

    @property
    def _taps(self) -> int:
        return self._backwards.shape[1]

    def prefers_steps(self, tokens: int) -> bool:
        """Whether so many tokens are better taken one by one than convolved as a whole."""
        return tokens == 1

    def advance(self, x: Tensor, gate_in: Tensor | None, gate_out: Tensor | None, tokens: int) -> Tensor:
        """x and gates (1, B, C) or (B, C) -> y of that shape; tokens = 1."""
        with torch.no_grad(), _full_precision(x.device.type):
            return self._advance(x, gate_in, gate_out)

    def _advance(self, x: Tensor, gate_in: Tensor | None, gate_out: Tensor | None) -> Tensor:
        z = x.to(self._backwards.dtype)
        z = z if gate_in is None else z * gate_in.to(z.dtype)
        if self._end == self._buffer.shape[-1]:
            self._append(self.past())
        self._buffer[..., self._end] = z.view(self._buffer.shape[:2])
        self._end += 1
        self._seen = min(self._seen + 1, self._taps - 1)
        window = self._buffer[..., self._end - self._taps : self._end]
        y = torch.einsum("bck,ck->bc", window, self._backwards).view(x.shape)
        return (y if gate_out is None else y * gate_out.to(y.dtype)).to(self._dtype)

    @property
    def seen(self) -> int:
        """Gated inputs that can still matter."""
        return self._seen

    def past(self) -> Tensor:
        """The last gated inputs (B, C, seen)."""
        return self._buffer[..., self._end - self._seen : self._end].clone()

    def resume(self, past: Tensor) -> None:
        """Go on after these gated inputs (B, C, at most K - 1)."""
        self._append(past)
        self._seen = past.shape[-1]

    def _append(self, past: Tensor) -> None:
        """The past into an empty buffer."""
        self._end = self._taps - 1
        self._buffer[..., : self._end - past.shape[-1]] = 0
        self._buffer[..., self._end - past.shape[-1] : self._end] = past

    def copy(self) -> "TorchLongConvStream":
        made = object.__new__(TorchLongConvStream)
        made.__dict__.update(self.__dict__)
        made._buffer = self._buffer.clone()
        return made


def _full_precision(device: str) -> AbstractContextManager[Any]:
    """Autocast off, where the device knows it."""
    known = torch.amp.is_autocast_available(device)
    return torch.autocast(device, enabled=False) if known else nullcontext()
