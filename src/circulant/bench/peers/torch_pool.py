"""Pooling by torch.nn.functional, and a row and a column at a time."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.case import Function
from circulant.core.sizes import Shape


def max_pool2d(shape: Shape) -> Function:
    kernel, stride = shape[3:]
    return lambda x: F.max_pool2d(x, kernel, stride, kernel // 2)


def avg_pool2d(shape: Shape) -> Function:
    kernel, stride = shape[3:]
    return lambda x: F.avg_pool2d(x, kernel, stride, kernel // 2)


def max_pool2d_by_axes(shape: Shape) -> Function:
    """Along the rows, then along the columns: 2 K comparisons for an output instead of K²."""
    kernel, stride = shape[3:]

    def pooled(x: Tensor) -> Tensor:
        rows = F.max_pool2d(x, (1, kernel), (1, stride), (0, kernel // 2))
        return F.max_pool2d(rows, (kernel, 1), (stride, 1), (kernel // 2, 0))

    return pooled


def avg_pool2d_by_axes(shape: Shape) -> Function:
    kernel, stride = shape[3:]

    def pooled(x: Tensor) -> Tensor:
        rows = F.avg_pool2d(x, (1, kernel), (1, stride), (0, kernel // 2))
        return F.avg_pool2d(rows, (kernel, 1), (stride, 1), (kernel // 2, 0))

    return pooled
