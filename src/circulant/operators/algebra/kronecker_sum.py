"""A convolution's weight as a sum of Kronecker products: written out, and found again."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import ConvSettings


@final
@dataclass(frozen=True, slots=True)
class KroneckerSum:
    """sum_i A_i (x) F_i: algebra (n, n, n) and filters (n, O / n, I / (n groups), *kernel)."""

    algebra: Tensor
    filters: Tensor

    def weight(self, groups: int) -> Tensor:
        """Written out, group by group -> (O, I / groups, *kernel)."""
        filters = self.filters.unflatten(1, (groups, -1))
        blocks = torch.einsum("iab,igoc...->gaobc...", self.algebra, filters)
        return blocks.flatten(0, 2).flatten(1, 2)


def filters_shape(settings: ConvSettings, n: int) -> Shape:
    """Of the filters for such a convolution, whose groups each have n blocks of channels."""
    sizes = (settings.in_channels, settings.out_channels)
    if n < 1 or any(size % (n * settings.groups) for size in sizes):
        raise ArgumentError(
            f"expected n * groups to divide in_channels and out_channels {sizes}, got n = {n} and "
            f"groups = {settings.groups}"
        )
    return (n, sizes[1] // n, sizes[0] // (n * settings.groups), *settings.kernel)


def nearest_kronecker_sum(weight: Tensor, n: int, groups: int) -> KroneckerSum:
    """The nearest to weight (O, I / groups, *kernel) in least squares, by the singular values of its blocks.

    Exact for n = 1 and for a weight that is such a sum.
    """
    blocks = weight.unflatten(1, (n, -1)).unflatten(0, (groups, n, -1))  # g, a, o, b, c, *kernel
    table = blocks.movedim((1, 3), (0, 1))  # a, b, g, o, c, *kernel
    U, S, V = torch.linalg.svd(table.reshape(n * n, -1), full_matrices=False)
    rank = min(n, len(S))
    algebra, filters = U.new_zeros(n, n * n), V.new_zeros(n, V.shape[1])
    algebra[:rank] = (U[:, :rank] * S[:rank].sqrt()).T
    filters[:rank] = V[:rank] * S[:rank, None].sqrt()
    return KroneckerSum(algebra.unflatten(1, (n, n)), filters.reshape(n, -1, *table.shape[4:]))
