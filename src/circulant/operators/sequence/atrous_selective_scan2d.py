r"""Atrous selective scan (ES2D of EfficientVMamba): four scans share the positions instead of repeating them.

    (u, z) = W_in x,   u = silu(conv(u)),   y = W_out (silu(z) norm(v))
    v_00 = S_1(u_00),   v_10 = S_2(u_10),   v_01 = S_3(u_01),   v_11 = S_4(u_11)

u_pq are the positions of row parity p and column parity q: u_00 and u_01 are read row by row, u_10 and u_11
column by column. S_i is a selective state space with parameters of its own. N positions make N tokens, where
SS2D scans 4 N. Odd sizes get a row or column of zeros at the end, and what is scanned there is dropped.
Shapes: x (B, C, H, W) -> y (B, C, H, W); inside, expand C channels and a depthwise convolution of
taps x taps, the only place where positions of different parity meet.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.sizes import Shape
from circulant.operators.sequence.visual_state_space2d import VisualStateSpace2d

EXPORTS = ("atrous_merge", "atrous_scan")


def reference(x: Tensor, state: dict[str, Tensor], taps: int = 3) -> Tensor:
    u, z = (x.movedim(1, -1) @ state["project_in.weight"].T).chunk(2, -1)
    u = _filtered(u, state["conv.weight"][:, 0], state["conv.bias"])
    y = _scanned(u, state)
    centred = y - y.mean(-1, keepdim=True)
    y = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    y = y * state["norm.weight"] + state["norm.bias"]
    return (y * z / (1 + torch.exp(-z)) @ state["project_out.weight"].T).movedim(-1, 1)


def _scanned(u: Tensor, state: dict[str, Tensor]) -> Tensor:
    """Zeros beyond the end take a step as well: in a path by columns other positions follow them."""
    _, H, W, _ = u.shape
    high, wide = H + H % 2, W + W % 2
    y = torch.zeros_like(u)
    for path, (p, q, by_rows) in enumerate(((0, 0, True), (1, 0, False), (0, 1, True), (1, 1, False))):
        order = [(i, j) for i in range(p, high, 2) for j in range(q, wide, 2)]
        order = order if by_rows else sorted(order, key=lambda place: place[::-1])
        A = -state["ssm.log_decay"][path].exp()
        N = A.shape[1]
        h = torch.zeros(len(u), *A.shape, dtype=u.dtype)
        for i, j in order:
            inside = i < H and j < W
            v = u[:, i, j] if inside else torch.zeros_like(u[:, 0, 0])
            made = v @ state["ssm.project"][path].T
            step = made[:, : -2 * N] @ state["ssm.step_weight"][path].T + state["ssm.step_bias"][path]
            step = torch.log(1 + torch.exp(step))[..., None]
            h = torch.exp(step * A) * h + step * made[:, None, -2 * N : -N] * v[..., None]
            if inside:
                y[:, i, j] = (h * made[:, None, -N:]).sum(-1) + state["ssm.skip"][path] * v
    return y


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


def atrous_scan(x: Tensor) -> Tensor:
    """x (B, C, H, W) -> its four sub-grids as sequences (B, 4, C, ceil(H / 2) ceil(W / 2))."""
    x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
    grid = x.unflatten(3, (x.shape[3] // 2, 2)).unflatten(2, (x.shape[2] // 2, 2))
    across = (grid[:, :, :, 0, :, 0], grid[:, :, :, 0, :, 1])
    down = (grid[:, :, :, 1, :, 0].mT, grid[:, :, :, 1, :, 1].mT)
    return torch.stack([part.flatten(2) for part in (across[0], down[0], across[1], down[1])], 1)


def atrous_merge(y: Tensor, spatial: Shape) -> Tensor:
    """The inverse of atrous_scan: (B, 4, C, tokens) -> (B, C, H, W)."""
    high, wide = ((size + 1) // 2 for size in spatial)
    even = y[:, ::2].unflatten(-1, (high, wide))
    odd = y[:, 1::2].unflatten(-1, (wide, high)).mT
    grid = torch.stack([even, odd], 1)  # (B, row parity, column parity, C, H / 2, W / 2)
    whole = grid.permute(0, 3, 4, 1, 5, 2).flatten(4, 5).flatten(2, 3)
    return whole[:, :, : spatial[0], : spatial[1]]


@final
class AtrousSelectiveScan2d(VisualStateSpace2d):
    @staticmethod
    def paths(x: Tensor) -> Tensor:
        return atrous_scan(x)

    @staticmethod
    def merged(y: Tensor, spatial: Shape) -> Tensor:
        return atrous_merge(y, spatial)

    @staticmethod
    def tokens(spatial: Shape) -> int:
        H, W = spatial
        return ((H + 1) // 2) * ((W + 1) // 2)


def _mixer(channels: int, spatial: Shape) -> AtrousSelectiveScan2d:
    return AtrousSelectiveScan2d(channels)


CARD = Card(
    operators=(AtrousSelectiveScan2d,),
    reference=reference,
    papers=(
        Paper(
            "Pei, Huang and Xu",
            2024,
            "EfficientVMamba: Atrous Selective Scan for Light Weight Visual Mamba",
            "https://arxiv.org/abs/2403.09977",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 2, 4, 2), lambda: AtrousSelectiveScan2d(2, 2)),
        Case((1, 3, 3, 5), lambda: AtrousSelectiveScan2d(3, 3, expand=1, taps=1, rank=2), {"taps": 1}),
        Case((2, 2, 1, 3), lambda: AtrousSelectiveScan2d(2, 2)),
    ),
    refuses=(
        BadInput((2, 4, 3, 3), lambda: AtrousSelectiveScan2d(3), says="C = 3"),
        BadInput((2, 3, 5), lambda: AtrousSelectiveScan2d(3), says="(B, C, H, W)"),
    ),
    mixer=_mixer,
)
