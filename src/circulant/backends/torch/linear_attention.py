"""Linear attention in plain torch: step after step, in chunks, or as one masked square.

Logarithms of decays are summed afresh for each product, from the place where its two sides meet. No
difference of large sums is taken, so that steps close together keep their digits however much older ones
have faded, and a decay of 0 (a logarithm of -inf) is exact. Half precision is computed in float32.
"""

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.algorithms.linear_attention import CHUNK, AttentionProblem
from circulant.backends.torch.spectra import computable
from circulant.problems.linear_attention import Decay, LinearAttentionProblem, factors, split_operands


def sequential(problem: LinearAttentionProblem, *operands: Tensor) -> Tensor:
    p = problem
    (q, k, v), log_decay, initial = forward_in_time(p, operands)
    factor = factors(p, log_decay, v).unbind(2)
    state = v.new_zeros(*p.rows, p.keys, p.values) if initial is None else initial
    found = []
    for t in range(p.length):
        faded = factor[t] * state
        state = faded + k[:, :, t, :, None] * v[:, :, t, None, :]
        found.append(q[:, :, t, None] @ (faded if p.strict else state))
    return backward_in_time(p, torch.cat(found, dim=2))


def chunked(problem: LinearAttentionProblem, *operands: Tensor, chunk: int = CHUNK) -> Tensor:
    """chunk: steps, any number."""
    p = problem
    (q, k, v), log_decay, initial = forward_in_time(p, operands)
    chunks = Chunks.of(p, (q, k, v), log_decay, chunk)
    state = v.new_zeros(*p.rows, p.keys, p.values) if initial is None else initial
    written, remains = chunks.written(), chunks.remains()
    before = []
    for new, fade in zip(written.mT.matmul(chunks.v_written()).unbind(2), remains.unbind(2)):
        before.append(state)
        state = fade * state + new
    y = chunks.attended(p.strict) + chunks.read(torch.stack(before, dim=2))
    return backward_in_time(p, y.flatten(2, 3)[:, :, : p.length])


def quadratic(problem: LinearAttentionProblem, *operands: Tensor) -> Tensor:
    return chunked(problem, *operands, chunk=problem.length)


def forward_in_time(
    problem: AttentionProblem, operands: tuple[Tensor, ...]
) -> tuple[tuple[Tensor, ...], Tensor | None, Tensor | None]:
    """The operands in the dtype of the computation; those of reversed time with the last step first."""
    always, log_decay, initial = split_operands(tuple(map(computable, operands)), problem.decay)
    if problem.reverse:
        always = tuple(tensor.flip(2) for tensor in always)
        if log_decay is not None and problem.decay is not Decay.HEAD:
            # what fades between two steps is the later one's: now the one before
            log_decay = torch.cat([torch.zeros_like(log_decay[:, :, :1]), log_decay.flip(2)[:, :, :-1]], 2)
    return always, log_decay, initial


def backward_in_time(problem: AttentionProblem, y: Tensor) -> Tensor:
    return (y.flip(2) if problem.reverse else y).to(problem.dtype)


@final
@dataclass(frozen=True, slots=True)
class Chunks:
    """Operands by chunks of T steps: q, k (B, H, N, T, D), v (B, H, N, T, E), zeros behind the end.

    log_decay (B or 1, H, N or 1, T, width) with D, E or 1 channels, or None.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    log_decay: Tensor | None
    decay: Decay

    @classmethod
    def of(
        cls, problem: AttentionProblem, operands: tuple[Tensor, ...], log_decay: Tensor | None, steps: int
    ) -> "Chunks":
        steps = min(steps, problem.length)
        q, k, v = (_cut(tensor, steps) for tensor in operands)
        if log_decay is not None and problem.decay is Decay.HEAD:
            log_decay = log_decay[None, :, None, None, None].expand(1, -1, 1, steps, 1)
        elif log_decay is not None:
            log_decay = _cut(log_decay if problem.decay.is_vector else log_decay[..., None], steps)
        return cls(q, k, v, log_decay, problem.decay)

    def scores(self, strict: bool) -> Tensor:
        """q . k, faded, for every two steps of a chunk: (B, H, N, T, T). Not for decays of value channels."""
        if self.decay is Decay.KEY and self.log_decay is not None:
            return halved_scores(self.q, self.k, self.log_decay, strict)
        scores = self.q @ self.k.mT
        if self.log_decay is None:
            return scores.tril(-1 if strict else 0)
        ones = torch.ones_like(self.log_decay)
        return scores * halved_scores(ones, ones, self.log_decay, strict)

    def attended(self, strict: bool) -> Tensor:
        """y without what was before the chunk."""
        if self.decay is Decay.VALUE and self.log_decay is not None:
            return halved_attention(self.q, self.k, self.v, self.log_decay, strict)
        return self.scores(strict) @ self.v

    def read_keys(self) -> Tensor:
        """q, faded from before the chunk on, unless the decay is that of value channels."""
        if self.log_decay is None or self.decay is Decay.VALUE:
            return self.q
        return self.q * torch.exp(since_start(self.log_decay))

    def read(self, states: Tensor) -> Tensor:
        """What q reads from the states (B, H, N, D, E) before the chunks."""
        found = self.read_keys() @ states
        if self.log_decay is None or self.decay is not Decay.VALUE:
            return found
        return found * torch.exp(since_start(self.log_decay))

    def written(self) -> Tensor:
        """k, faded to the end of the chunk, unless the decay is that of value channels."""
        if self.log_decay is None or self.decay is Decay.VALUE:
            return self.k
        return self.k * torch.exp(until_end(self.log_decay))

    def v_written(self) -> Tensor:
        if self.log_decay is None or self.decay is not Decay.VALUE:
            return self.v
        return self.v * torch.exp(until_end(self.log_decay))

    def remains(self) -> Tensor:
        """What a chunk leaves of the state before it: (B, H, N, D or 1, E or 1)."""
        batch, heads, count = self.q.shape[:3]
        if self.log_decay is None:
            return self.q.new_ones(1, 1, 1, 1, 1).expand(batch, heads, count, 1, 1)
        left = torch.exp(self.log_decay.sum(-2)).expand(batch, heads, count, -1)
        return left[..., None, :] if self.decay is Decay.VALUE else left[..., None]


def since_start(log_decay: Tensor) -> Tensor:
    """(.., T, width) -> the logarithm of what is left of a state from before the first step, at each step."""
    return log_decay.cumsum(-2)


def until_end(log_decay: Tensor) -> Tensor:
    """(.., T, width) -> the logarithm of what is left, after the last step, of what each step wrote."""
    later = F.pad(log_decay[..., 1:, :], (0, 0, 0, 1))
    return later.flip(-2).cumsum(-2).flip(-2)


def halved_scores(q: Tensor, k: Tensor, log_decay: Tensor, strict: bool) -> Tensor:
    """q . k with the channels faded: (.., T, D) -> (.., T, T), lower triangular."""
    steps = q.shape[-2]
    q, k, log_decay = (_with_power_of_two(tensor) for tensor in (q, k, log_decay))
    squares = (torch.zeros_like(q) if strict else q * k).sum(-1)[..., None, None]  # of 1 step each
    half = 1
    while half < steps:
        _, late = _halves(q, half)
        early, _ = _halves(k, half)
        fades, reads = _halves(log_decay, half)
        corner = (late * torch.exp(since_start(reads))) @ (early * torch.exp(until_end(fades))).mT
        above, below = squares.unflatten(-3, (-1, 2)).unbind(-3)
        squares = torch.cat(
            [torch.cat([above, torch.zeros_like(corner)], -1), torch.cat([corner, below], -1)], -2
        )
        half *= 2
    return squares.squeeze(-3)[..., :steps, :steps]


def halved_attention(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, strict: bool) -> Tensor:
    """Attention inside runs of T steps with decays of value channels: (.., T, E)."""
    steps = q.shape[-2]
    q, k, v, log_decay = (_with_power_of_two(tensor) for tensor in (q, k, v, log_decay))
    y = torch.zeros_like(v) if strict else (q * k).sum(-1, keepdim=True) * v
    half = 1
    while half < steps:
        _, late = _halves(q, half)
        early, _ = _halves(k, half)
        values, _ = _halves(v, half)
        fades, reads = _halves(log_decay, half)
        found = ((late @ early.mT) @ (values * torch.exp(until_end(fades)))) * torch.exp(since_start(reads))
        y = y + torch.stack([torch.zeros_like(found), found], -3).flatten(-4, -2)
        half *= 2
    return y[..., :steps, :]


def _halves(tensor: Tensor, half: int) -> tuple[Tensor, Tensor]:
    """(.., T, D) -> the first and the second half of every 2 half steps, (.., T / 2 half, half, D) each."""
    early, late = tensor.unflatten(-2, (-1, 2, half)).unbind(-3)
    return early, late


def _with_power_of_two(tensor: Tensor) -> Tensor:
    """(.., T, D) with zeros behind, up to a power of two of steps."""
    steps = tensor.shape[-2]
    return F.pad(tensor, (0, 0, 0, (1 << (steps - 1).bit_length()) - steps))


def _cut(tensor: Tensor, steps: int) -> Tensor:
    """(B, H, L, D) -> (B, H, N, T, D), zeros behind the end."""
    padded = F.pad(tensor, (0, 0, 0, -tensor.shape[2] % steps))
    return padded.unflatten(2, (-1, steps))
