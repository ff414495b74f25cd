"""A complex bilinear map from real ones: four products by the definition, or three after Gauss."""

from collections.abc import Callable

import torch
from torch import Tensor

Product = Callable[[Tensor, Tensor], Tensor]  # (x (B, I, *), weight) -> (B, O, *), linear in each


def four_products(product: Product, x: Tensor, weight: Tensor) -> Tensor:
    """x (B, 2I, *) and weight (2, *), real parts first -> (B, 2O, *); the parts of x share a batch."""
    batch, channels = x.shape[:2]
    parts = x.unflatten(1, (2, channels // 2)).flatten(0, 1)
    by_real, by_imaginary = (product(parts, part).unflatten(0, (batch, 2)) for part in weight)
    real = by_real[:, 0] - by_imaginary[:, 1]
    return torch.cat((real, by_real[:, 1] + by_imaginary[:, 0]), 1)


def three_products(product: Product, x: Tensor, weight: Tensor) -> Tensor:
    """The same with a quarter less work, and a little more rounding."""
    (u, v), (A, B) = x.chunk(2, 1), weight
    shared = product(u + v, A)
    return torch.cat((shared - product(v, A + B), shared + product(u, B - A)), 1)
