"""Memories of linear attention as a user would write them in plain PyTorch: squares, loops over chunks."""

import torch
import torch.nn.functional as F
from torch import Tensor


def per_head(rows: Tensor, heads: int) -> Tensor:
    """(B, L, H D) -> (B, H, L, D)."""
    B, L, C = rows.shape
    return rows.reshape(B, L, heads, C // heads).transpose(1, 2)


def joined(per_head: Tensor) -> Tensor:
    B, H, L, D = per_head.shape
    return per_head.transpose(1, 2).reshape(B, L, H * D)


def normed(x: Tensor, weight: Tensor) -> Tensor:
    return F.rms_norm(x, weight.shape, weight, 1e-5)


def masked_square(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor | None = None) -> Tensor:
    """All scores, masked, with a fading of each head: log_decay (H,)."""
    scores = (q @ k.mT).tril()
    if log_decay is None:
        return scores @ v
    position = torch.arange(q.shape[2])
    lag = (position[:, None] - position).clamp(min=0)
    return (scores * torch.exp(log_decay[:, None, None] * lag)) @ v


def fading_chunks(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, chunk: int = 8) -> Tensor:
    """A fading of each step and key channel: log_decay (B, H, L, D). Short chunks, lest products overflow."""
    memory, results = q.new_zeros(*q.shape[:2], q.shape[3], v.shape[3]), []
    for q_c, k_c, v_c, g_c in zip(*(t.split(chunk, 2) for t in (q, k, v, log_decay))):
        left = g_c.cumsum(2)
        inside = ((q_c * left.exp()) @ (k_c * (-left).exp()).mT).tril() @ v_c
        results.append(inside + (q_c * left.exp()) @ memory)
        last = left[:, :, -1:]
        memory = last.exp().mT * memory + (k_c * (last - left).exp()).mT @ v_c
    return torch.cat(results, 2)


def correcting_chunks(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor, log_decay: Tensor | None = None, chunk: int = 64
) -> Tensor:
    """The delta rule, beta and log_decay (B, H, L): a triangular system for each chunk."""
    memory, results = q.new_zeros(*q.shape[:2], q.shape[3], v.shape[3]), []
    fade = torch.zeros_like(beta) if log_decay is None else log_decay
    for q_c, k_c, v_c, b_c, g_c in zip(*(t.split(chunk, 2) for t in (q, k, v, beta, fade))):
        left = g_c.cumsum(2)
        between = (left[..., :, None] - left[..., None, :]).tril().exp()
        system = (b_c[..., None] * (k_c @ k_c.mT) * between).tril(-1) + torch.eye(k_c.shape[2])
        held = left[..., None].exp() * (k_c @ memory)
        new = torch.linalg.solve_triangular(system, b_c[..., None] * (v_c - held), upper=False)
        results.append(left[..., None].exp() * (q_c @ memory) + (q_c @ k_c.mT * between).tril() @ new)
        last = left[..., -1:]
        memory = last[..., None].exp() * memory + (k_c * (last - left).exp()[..., None]).mT @ new
    return torch.cat(results, 2)
