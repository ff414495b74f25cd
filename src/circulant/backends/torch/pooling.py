"""Pooling by torch's own kernels."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from circulant.problems.pooling import PoolingProblem, PoolMode

POOL: dict[tuple[PoolMode, int], Any] = {
    (PoolMode.MAX, 1): F.max_pool1d,
    (PoolMode.MAX, 2): F.max_pool2d,
    (PoolMode.AVERAGE, 1): F.avg_pool1d,
    (PoolMode.AVERAGE, 2): F.avg_pool2d,
}


def direct(problem: PoolingProblem, x: Tensor) -> Tensor:
    result: Tensor = POOL[problem.mode, problem.ndim](x, problem.kernel, problem.stride, problem.padding)
    return result
