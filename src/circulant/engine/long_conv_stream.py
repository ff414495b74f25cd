"""Decoding with a long causal convolution: whole prompts and single tokens, in any order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, final

import torch
from torch import Tensor

from circulant.backends.native import core as native_core
from circulant.backends.native.long_conv_stream import NativeLongConvStream
from circulant.backends.native.scalars import SCALARS
from circulant.backends.torch.long_conv_stream import TorchLongConvStream
from circulant.core.errors import ArgumentError, NoPlanError, ShapeError
from circulant.core.sizes import Shape
from circulant.engine.choice import FREE, Backend, Choice, current
from circulant.engine.doors import needs_gradient, require_same_kind
from circulant.engine.execute import without_autocast
from circulant.engine.long_conv import long_conv

TOLERANCE = 1e-6  # relative, of a prefill: long sums term by term would lose more in float32


class _Steps(Protocol):
    """What a backend's stream can do; past and resume speak of gated inputs."""

    @property
    def seen(self) -> int: ...

    def prefers_steps(self, tokens: int) -> bool: ...

    def advance(self, x: Tensor, gate_in: Tensor | None, gate_out: Tensor | None, tokens: int) -> Tensor: ...

    def past(self) -> Tensor: ...

    def resume(self, past: Tensor) -> None: ...

    def copy(self) -> "_Steps": ...


@final
@dataclass(frozen=True, slots=True)
class _Kernel:
    """A copy of the kernel (C, K), its skip (C) and the choice made at construction."""

    taps: Tensor
    skip: Tensor | None
    choice: Choice

    @property
    def dtype(self) -> torch.dtype:
        return self.taps.dtype

    def in_arithmetic(self) -> Tensor:
        """Taps in the dtype that is computed in, the skip added to the tap of no lag."""
        dtype = torch.float64 if self.dtype == torch.float64 else torch.float32
        if self.skip is None:
            return self.taps.to(dtype)
        first = self.taps[:, :1].to(dtype) + self.skip[:, None].to(dtype)
        return torch.cat([first, self.taps[:, 1:].to(dtype)], dim=-1)


@final
class LongConvStream:
    """y[b, c, t] = gate_out (sum_m kernel[c, m] z[b, c, t - m] + skip[c] z[b, c, t]),  z = gate_in x.

    step takes one token (B, C) -> (B, C), prefill a chunk (B, C, n) -> (B, C, n); what they return does not
    depend on how the sequence is cut. kernel (C, K) and skip (C) are copied and prepared here, once. No
    gradient flows: train with `long_conv`, or with `long_conv_step`.

    A refused call leaves the stream as it was; an interrupt inside a token is seen after it. `clone` forks
    a stream, copies and pickles are whole.
    """

    def __init__(
        self, kernel: Tensor, batch: int, *, skip: Tensor | None = None, choice: Choice = FREE
    ) -> None:
        require_same_kind(("kernel", "skip"), (kernel, skip))
        _require_sizes(kernel, skip, batch)
        kept = None if skip is None else skip.detach().clone()
        self._kernel = _Kernel(kernel.detach().clone(), kept, choice.or_else(current()))
        self._row_shape = (batch, kernel.shape[0])
        self._backend = _backend_for(self._kernel, batch)
        self._steps = _STREAMS[self._backend](self._kernel.in_arithmetic(), batch, kernel.dtype)

    @property
    def backend(self) -> Backend:
        return self._backend

    @property
    def seen(self) -> int:
        """Tokens so far that can still matter: at most K - 1."""
        return self._steps.seen

    def step(self, x: Tensor, gate_in: Tensor | None = None, gate_out: Tensor | None = None) -> Tensor:
        """The next token: x and gates (B, C) -> y (B, C)."""
        self._require_fitting((x, gate_in, gate_out), self._row_shape)
        return self._steps.advance(x, gate_in, gate_out, 1)

    def prefill(self, x: Tensor, gate_in: Tensor | None = None, gate_out: Tensor | None = None) -> Tensor:
        """The next n tokens: x and gates (B, C, n) -> y (B, C, n)."""
        tokens = x.shape[-1] if x.ndim == 3 else 0
        self._require_fitting((x, gate_in, gate_out), (*self._row_shape, tokens))
        with torch.no_grad(), without_autocast(x.device.type):
            if tokens == 0:
                return torch.empty_like(x)
            if not self._steps.prefers_steps(tokens):
                return self._convolve(x, gate_in, gate_out)
            first, second = (gate if gate is None else gate.movedim(-1, 0) for gate in (gate_in, gate_out))
            return self._steps.advance(x.movedim(-1, 0), first, second, tokens).movedim(0, -1).contiguous()

    def reset(self) -> None:
        """Back to the start, before the first token."""
        self._steps.resume(self._kernel.in_arithmetic().new_zeros(*self._row_shape, 0))

    def clone(self) -> "LongConvStream":
        """A stream that goes on from here by itself; the kernel is shared."""
        made = object.__new__(LongConvStream)
        made._kernel, made._row_shape, made._backend = self._kernel, self._row_shape, self._backend
        made._steps = self._steps.copy()
        return made

    def _convolve(self, x: Tensor, gate_in: Tensor | None, gate_out: Tensor | None) -> Tensor:
        """As a whole, after what can still matter; then the past is set anew."""
        taps = self._kernel.in_arithmetic()
        z = x.to(taps.dtype)
        z = z if gate_in is None else z * gate_in.to(z.dtype)
        past = self._steps.past()
        whole = torch.cat([past, z], dim=-1)
        choice = self._kernel.choice
        if choice.algorithm is None:
            choice = choice.or_else(Choice(tolerance=TOLERANCE))
        y = long_conv(whole, taps, choice=choice)[..., past.shape[-1] :]
        y = y if gate_out is None else y * gate_out.to(y.dtype)
        self._steps.resume(whole[..., max(whole.shape[-1] - taps.shape[-1] + 1, 0) :])
        return y.to(x.dtype).contiguous()

    def _require_fitting(self, operands: tuple[Tensor | None, ...], shape: Shape) -> None:
        kernel = self._kernel.taps
        for name, tensor in zip(("x", "gate_in", "gate_out"), operands):
            if tensor is None:
                continue
            if tensor.shape != shape:
                raise ShapeError(
                    f"expected {name} {shape}, got {tuple(tensor.shape)}; a stream's batch and channels are "
                    "fixed: make one for each batch size"
                )
            require_same_kind(("the kernel", name), (kernel, tensor))
            if needs_gradient(tensor):
                raise ArgumentError(
                    f"expected {name} to need no gradient, got one that does; "
                    "decode under torch.no_grad(), or train with long_conv_step"
                )

    def __deepcopy__(self, memo: dict[int, Any]) -> "LongConvStream":
        return self.clone()

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._kernel, self._row_shape[0], self._steps.past())


def _restored(kernel: _Kernel, batch: int, past: Tensor) -> LongConvStream:
    stream = LongConvStream(kernel.taps, batch, skip=kernel.skip, choice=kernel.choice)
    stream._steps.resume(past)
    return stream


_STREAMS: Mapping[Backend, Callable[[Tensor, int, torch.dtype], _Steps]] = {
    Backend.NATIVE: NativeLongConvStream,
    Backend.TORCH: TorchLongConvStream,
}


def _backend_for(kernel: _Kernel, batch: int) -> Backend:
    """The core where it can run and nobody asked for torch."""
    refusal = _why_not_native(kernel, batch)
    if refusal and kernel.choice.backend is Backend.NATIVE:
        raise NoPlanError(f"expected the native core to stream, but {refusal}; leave the backend free")
    return Backend.TORCH if refusal else Backend.NATIVE


def _why_not_native(kernel: _Kernel, batch: int) -> str:
    if kernel.choice.backend is Backend.TORCH:
        return "the caller asked for backend torch"
    if kernel.taps.device.type != "cpu":
        return f"it runs on a CPU, the kernel is on {kernel.taps.device}"
    if kernel.dtype not in SCALARS:
        return f"it knows no {kernel.dtype}"
    if batch * kernel.taps.shape[0] == 0:
        return "there is no row"
    return native_core.why_missing()


def _require_sizes(kernel: Tensor, skip: Tensor | None, batch: int) -> None:
    if kernel.ndim != 2 or kernel.shape[1] == 0:
        raise ShapeError(
            f"expected kernel (C, K) with at least 1 tap, got {tuple(kernel.shape)}; one row for each channel"
        )
    if skip is not None and skip.shape != kernel.shape[:1]:
        raise ShapeError(
            f"expected skip (C,) with C = {kernel.shape[0]}, got {tuple(skip.shape)}; one for each channel"
        )
    if batch < 0:
        raise ArgumentError(f"expected a batch of 0 or more, got {batch}; count the sequences")
