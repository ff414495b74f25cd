r"""Selective scan in two dimensions (SS2D of VMamba): the picture read along four paths, the results summed.

    (u, z) = W_in x,   u = silu(conv(u)),   y = W_out (silu(z) norm(sum_i unread_i(S_i(read_i(u)))))

read_1 goes row by row, read_2 column by column, read_3 and read_4 the same ways backwards; S_i is a selective
state space with parameters of its own. Shapes: x (B, C, H, W) -> y (B, C, H, W); inside, expand C channels,
a depthwise convolution of taps x taps, and four scans of all H W positions each.
"""

from typing import final

import torch
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.sizes import Shape, product
from circulant.operators.sequence.visual_state_space2d import VisualStateSpace2d

EXPORTS = ("cross_merge", "cross_scan")


def reference(x: Tensor, state: dict[str, Tensor], taps: int = 3) -> Tensor:
    _, _, H, W = x.shape
    u, z = (x.movedim(1, -1) @ state["project_in.weight"].T).chunk(2, -1)
    u = _filtered(u, state["conv.weight"][:, 0], state["conv.bias"])
    rows = [(i, j) for i in range(H) for j in range(W)]
    columns = [(i, j) for j in range(W) for i in range(H)]
    total = torch.zeros_like(u)
    for path, order in enumerate((rows, columns, rows[::-1], columns[::-1])):
        A = -state["ssm.log_decay"][path].exp()
        N = A.shape[1]
        h = torch.zeros(len(x), *A.shape, dtype=x.dtype)
        for i, j in order:
            v = u[:, i, j]
            made = v @ state["ssm.project"][path].T
            step = made[:, : -2 * N] @ state["ssm.step_weight"][path].T + state["ssm.step_bias"][path]
            step = torch.log(1 + torch.exp(step))[..., None]
            h = torch.exp(step * A) * h + step * made[:, None, -2 * N : -N] * v[..., None]
            total[:, i, j] += (h * made[:, None, -N:]).sum(-1) + state["ssm.skip"][path] * v
    centred = total - total.mean(-1, keepdim=True)
    y = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    y = y * state["norm.weight"] + state["norm.bias"]
    return (y * z / (1 + torch.exp(-z)) @ state["project_out.weight"].T).movedim(-1, 1)


def _filtered(u: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    _, H, W, _ = u.shape
    taps, result = weight.shape[-1], torch.zeros_like(u)
    for i in range(H):
        for j in range(W):
            total = bias.expand(len(u), -1)
            for p in range(taps):
                for q in range(taps):
                    r, s = i + p - (taps - 1) // 2, j + q - (taps - 1) // 2
                    if 0 <= r < H and 0 <= s < W:
                        total = total + weight[:, p, q] * u[:, r, s]
            result[:, i, j] = total / (1 + torch.exp(-total))
    return result


def cross_scan(x: Tensor) -> Tensor:
    """x (B, C, H, W) read by rows, by columns, and both backwards -> (B, 4, C, H W)."""
    forwards = torch.stack([x.flatten(2), x.mT.flatten(2)], 1)
    return torch.cat([forwards, forwards.flip(-1)], 1)


def cross_merge(y: Tensor, spatial: Shape) -> Tensor:
    """y (B, 4, C, H W) put back and summed -> (B, C, H, W)."""
    H, W = spatial
    forwards = y[:, :2] + y[:, 2:].flip(-1)
    return forwards[:, 0].unflatten(-1, (H, W)) + forwards[:, 1].unflatten(-1, (W, H)).mT


@final
class SelectiveScan2d(VisualStateSpace2d):
    @staticmethod
    def paths(x: Tensor) -> Tensor:
        return cross_scan(x)

    @staticmethod
    def merged(y: Tensor, spatial: Shape) -> Tensor:
        return cross_merge(y, spatial)

    @staticmethod
    def tokens(spatial: Shape) -> int:
        return product(spatial)


def _mixer(channels: int, spatial: Shape) -> SelectiveScan2d:
    return SelectiveScan2d(channels)


CARD = Card(
    operators=(SelectiveScan2d,),
    reference=reference,
    papers=(
        Paper(
            "Heidari, Ghorbani Kolahi, Karimijafarbigloo, Azad, Bozorgpour, Hatami, Azad, Diba, Bagci, "
            "Merhof and Hacihaliloglu",
            2024,
            "Computation-Efficient Era: A Comprehensive Survey of State Space Models "
            "in Medical Image Analysis",
            "https://arxiv.org/abs/2406.03430",
        ),
        Paper(
            "Liu, Tian, Zhao, Yu, Xie, Wang, Ye, Jiao and Liu",
            2024,
            "VMamba: Visual State Space Model",
            "https://arxiv.org/abs/2401.10166",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 2, 3, 2), lambda: SelectiveScan2d(2, 2)),
        Case((1, 3, 2, 3), lambda: SelectiveScan2d(3, 3, expand=1, taps=1, rank=2), {"taps": 1}),
    ),
    refuses=(
        BadInput((2, 4, 3, 3), lambda: SelectiveScan2d(3), says="C = 3"),
        BadInput((2, 3, 5), lambda: SelectiveScan2d(3), says="(B, C, H, W)"),
    ),
    mixer=_mixer,
)
