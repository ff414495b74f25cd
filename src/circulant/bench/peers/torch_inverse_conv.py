"""Inverse convolution in plain torch: x (B, C, H, W) with k * x = y for a kernel that looks back.

At its last tap the kernel is a unit triangle over the channels; those entries are not read.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.case import Function
from circulant.core.sizes import Shape


def row_by_row(shape: Shape) -> Function:
    """What the rows above add is convolved for a whole row; then place after place along it."""
    _, _, pixels, kernel = shape
    reach = kernel - 1

    def solved(y: Tensor, weight: Tensor) -> Tensor:
        triangle = weight[:, :, -1, -1]
        left = weight[:, :, -1, :-1].flatten(1)
        rows = [torch.zeros_like(y[:, :, 0])] * reach
        for row in range(pixels):
            rest = y[:, :, row]
            if reach:
                above = F.pad(torch.stack(rows[-reach:], dim=2), (reach, 0))
                rest = rest - F.conv2d(above, weight[:, :, :-1])[:, :, 0]
            places = [torch.zeros_like(rest[..., 0])] * reach
            for column in range(pixels):
                value = rest[..., column]
                if reach:
                    value = value - torch.stack(places[-reach:], dim=2).flatten(1) @ left.T
                places.append(_through_triangle(triangle, value))
            rows.append(torch.stack(places[reach:], dim=2))
        return torch.stack(rows[reach:], dim=2)

    return solved


def fixed_point(shape: Shape) -> Function:
    """x = y - (k - 1) * x again and again, until rounding hides the change; ends soon for small kernels."""
    _, _, pixels, kernel = shape
    reach = kernel - 1

    def iterated(y: Tensor, weight: Tensor) -> Tensor:
        rest = _without_fixed_taps(weight)
        resolution, x = torch.finfo(y.dtype).eps, y
        for _ in range(weight.shape[0] * pixels**2):
            before, x = x, y - F.conv2d(F.pad(x, (reach, 0, reach, 0)), rest)
            if (x.detach() - before.detach()).abs().max() <= resolution * x.detach().abs().max():
                break
        return x

    return iterated


def _through_triangle(triangle: Tensor, value: Tensor) -> Tensor:
    """value (B, C); only what lies below the diagonal of triangle (C, C) is read."""
    return torch.linalg.solve_triangular(triangle, value.T, upper=False, unitriangular=True).T


def _without_fixed_taps(weight: Tensor) -> Tensor:
    """What is left of the kernel when the identity is taken out."""
    below = weight[:, :, -1:, -1:].squeeze((2, 3)).tril(-1)[:, :, None, None]
    last_row = torch.cat([weight[:, :, -1:, :-1], below], dim=3)
    return torch.cat([weight[:, :, :-1], last_row], dim=2)
