r"""A diagonal state-space model as long convolutions of chunks, the state passed from one to the next.

    s_l = a s_{l-1} + b u_l,   y_l = Re sum_s c s_l

A chunk of N samples with the state s before it gives

    y_j = (k * u)_j + Re sum_s c a^(j+1) s,   k_j = Re sum_s c a^j b
    new state = a^N s + sum_j a^(N-1-j) b u_j

so that the transform is only as long as a chunk, and all chunks are convolved at once. Complex values are
pairs of reals. Shapes: u (B, C, L) -> y (B, C, L); a, b, c (C, S, 2), state (B, C, S, 2).
"""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.pairs import conjugate, times
from circulant.engine.doors import autocasts, require_same_kind
from circulant.engine.long_conv import long_conv


def flash_conv_state_passing(
    u: Tensor, a: Tensor, b: Tensor, c: Tensor, *, chunk: int = 1024, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """y and the state after the last sample; `state` is the one before the first, zeros unless given.

    The result does not depend on chunk, the largest number of samples in one. Memory grows with
    C S chunk. Under autocast float32 is kept; half precision is computed in float32, and the state stays so.
    """
    _require_fitting(u, a, b, c, state)
    if chunk < 1:
        raise ArgumentError(f"expected a chunk of 1 sample or more, got {chunk}")
    device, dtype = u.device.type, torch.float64 if u.dtype == torch.float64 else torch.float32
    whole = u.shape[-1] // chunk * chunk
    pieces = (u[..., :whole].unflatten(-1, (whole // chunk, chunk)), u[..., None, whole:])
    with torch.autocast(device, enabled=False) if autocasts(device) else nullcontext():
        before = u.new_zeros(*u.shape[:2], *a.shape[1:], dtype=dtype) if state is None else state.to(dtype)
        ssm = _DiagonalSsm.of(a.to(dtype), b.to(dtype), c.to(dtype), min(chunk, u.shape[-1]))
        results = []
        for piece in pieces:
            if piece.numel() > 0:
                y, before = ssm.advance(piece.to(dtype), before)
                results.append(y.flatten(2))
        y = torch.cat(results, -1) if results else u.to(dtype)
    return y.to(u.dtype), before


@final
@dataclass(frozen=True, slots=True)
class _DiagonalSsm:
    """b and c (C, S, 1, 2), and the powers a^0 .. a^N (C, S, N + 1 or more, 2)."""

    b: Tensor
    c: Tensor
    powers: Tensor

    @classmethod
    def of(cls, a: Tensor, b: Tensor, c: Tensor, longest: int) -> "_DiagonalSsm":
        step = a[:, :, None]
        powers = torch.stack([torch.ones_like(step[..., 0]), torch.zeros_like(step[..., 0])], -1)
        while powers.shape[2] <= longest:
            powers, step = torch.cat([powers, times(powers, step)], 2), times(step, step)
        return cls(b[:, :, None], c[:, :, None], powers)

    def advance(self, chunks: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """chunks (B, C, count, n) after state -> outputs of that shape, and the state after the last."""
        batch, n = chunks.shape[0], chunks.shape[3]
        into = times(self.b, self.powers[:, :, :n])
        kernel = times(self.c, into)[..., 0].sum(1)
        convolved = long_conv(chunks.transpose(1, 2).flatten(0, 1), kernel)
        inflow = torch.einsum("bcqn,csnp->bcqsp", chunks, into.flip(2))
        before = [state]
        for arrived in inflow.unbind(2):
            before.append(times(before[-1], self.powers[:, :, n]) + arrived)
        out = times(self.c, self.powers[:, :, 1 : n + 1])
        carried = torch.einsum("bcqsp,csnp->bcqn", torch.stack(before[:-1], 2), conjugate(out))
        return convolved.unflatten(0, (batch, -1)).transpose(1, 2) + carried, before[-1]


def _require_fitting(u: Tensor, a: Tensor, b: Tensor, c: Tensor, state: Tensor | None) -> None:
    require_same_kind(("u", "a", "b", "c"), (u, a, b, c))
    if u.ndim != 3 or a.ndim != 3 or a.shape[0] != u.shape[1] or a.shape[2] != 2:
        raise ShapeError(
            f"expected u (B, C, L) and a (C, S, 2) of pairs, got u {tuple(u.shape)} and a {tuple(a.shape)}"
        )
    if b.shape != a.shape or c.shape != a.shape:
        raise ShapeError(
            f"expected b and c of a's shape {tuple(a.shape)}, got b {tuple(b.shape)} and c {tuple(c.shape)}"
        )
    expected = (u.shape[0], *a.shape)
    if state is not None and tuple(state.shape) != expected:
        raise ShapeError(f"expected state (B, C, S, 2) = {expected}, got {tuple(state.shape)}")
