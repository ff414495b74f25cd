"""Complex linear maps of channels, as real matrices on pairs."""

import torch
from torch import Tensor

from circulant.core.cost import Cost, matmul_cost


def complex_linear(z: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Pairs z (B, G I, *bins, 2), weight (G, O, I, 2), bias (G O, 2) -> (B, G O, *bins, 2): G blocks.

    One real product with [[Re, -Im], [Im, Re]] per block; complex conjugation of z is not linear over
    the complex numbers and cannot be had this way.
    """
    G, O, I, _ = weight.shape
    re, im = weight.unbind(-1)
    matrix = torch.cat([torch.cat([re, -im], 2), torch.cat([im, re], 2)], 1)
    parts = z.movedim(-1, 1).unflatten(2, (G, I)).transpose(1, 2).flatten(2, 3).flatten(3)
    made = (matrix @ parts).unflatten(2, (2, O)).movedim(2, -1).flatten(1, 2)
    made = made.unflatten(2, z.shape[2:-1])
    return made if bias is None else made + bias.reshape(-1, *(1,) * (z.ndim - 3), 2)


def complex_linear_cost(batch: int, blocks: int, inner: int, outer: int, bins: int) -> Cost:
    return matmul_cost(2 * outer, 2 * inner, bins) * (batch * blocks)
