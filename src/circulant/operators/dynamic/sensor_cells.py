"""Cells of a sensor: what pixels lie in them, and where their samples are read."""

from math import sqrt

import torch
from torch import Tensor


def cell_shares(edges: Tensor, count: int) -> Tensor:
    """What each of `count` pixels between -1 and 1 has of each cell (cells, count); a cell's sum to 1."""
    at, pixels = count * (edges + 1) / 2, torch.arange(count, device=edges.device, dtype=edges.dtype)
    start, end = at[:-1, None], at[1:, None]
    overlap = torch.minimum(end, pixels + 1) - torch.maximum(start, pixels)
    return overlap.clamp(min=0) / (end - start)


def curved_places(u: Tensor, v: Tensor, strengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Uniform places -> bent ones, and the area that each of them stands for."""
    inside, r = u**2 + v**2 < 1, (u**2 + v**2).sqrt()
    bends = []
    for s in strengths.unbind():
        below = 2 * s * r - s - 1
        ones = torch.ones_like(r)
        slope = torch.where(inside, -2 * s * (s - 1) / below**2, 0)
        bends.append((torch.where(inside, (s - 1) / below, ones), slope))
    (g, slope), (k, other) = bends
    away = r.clamp(min=torch.finfo(r.dtype).tiny)
    area = g * k + g * other * v**2 / away + k * slope * u**2 / away
    return u * g, v * k, area


def elliptic_places(u: Tensor, v: Tensor, strengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """As `curved_places`, on the disk that the whole square is squeezed into and let out of again."""
    down, right, area = curved_places(u * (1 - v**2 / 2).sqrt(), v * (1 - u**2 / 2).sqrt(), strengths)
    surplus = down**2 - right**2
    places: list[Tensor] = []
    for place, more in ((down, surplus), (right, -surplus)):
        # rounding takes the corners below zero, where a root has no slope
        sides = [(2 + more + way * sqrt(8) * place).clamp(min=torch.finfo(u.dtype).eps) for way in (1, -1)]
        places.append((sides[0].sqrt() - sides[1].sqrt()) / 2)
    return places[0], places[1], area * _squeezed_area(u, v) / _squeezed_area(places[0], places[1])


def _squeezed_area(u: Tensor, v: Tensor) -> Tensor:
    """Of the map of the square into the disk."""
    return (1 - (u**2 + v**2) / 2) / ((1 - u**2 / 2) * (1 - v**2 / 2)).sqrt()


def read_places(x: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """x (B, C, H, W), bilinear, at places (P, Q) between -1 and 1 -> (B, C, P, Q); the border goes on."""
    flat, total = x.flatten(2), x.new_zeros(())
    H, W = x.shape[2:]
    floors: list[Tensor] = []
    ways: list[Tensor] = []
    for place, n in ((down, H), (right, W)):
        at = (n * (place + 1) / 2 - 0.5).clamp(0, n - 1)
        floors.append(at.detach().floor().long().clamp(max=max(n - 2, 0)))
        ways.append((at - floors[-1]).to(x.dtype))
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        index = (floors[0] + i).clamp(max=H - 1) * W + (floors[1] + j).clamp(max=W - 1)
        share = (ways[0] if i else 1 - ways[0]) * (ways[1] if j else 1 - ways[1])
        total = total + flat.index_select(2, index.flatten()).unflatten(2, tuple(index.shape)) * share
    return total
