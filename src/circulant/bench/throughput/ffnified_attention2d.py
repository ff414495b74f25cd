"""FFNified attention as it is deployed, beside torch's convolutions."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spatial.ffnified_attention2d import FFNifiedAttention2d


def _make(shape: Shape) -> FFNifiedAttention2d:
    return FFNifiedAttention2d(shape[1], 7, merged=True)


def _convolutions(module: Any, x: Tensor) -> Tensor:
    C = x.shape[1]
    query = F.conv2d(x, module.query.weight, module.query.bias)
    keys = F.conv2d(query, module.key.weight, module.key.bias, padding=3, groups=C)
    return F.conv2d(F.gelu(keys), module.value.weight, module.value.bias, padding=3, groups=C)


ENTRY = Throughput(
    make=_make,
    shapes=((8, 160, 14, 14), (8, 80, 56, 56)),
    obvious={"F.conv2d": _convolutions},
    lowered=True,
)
