"""Atrous spatial pyramid pooling beside torch's dilated convolutions."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spatial.atrous_spatial_pyramid_pooling2d import AtrousSpatialPyramidPooling2d


def _make(shape: Shape) -> AtrousSpatialPyramidPooling2d:
    return AtrousSpatialPyramidPooling2d(shape[1], 21)


def _dilated(module: Any, x: Tensor) -> Tensor:
    pairs = list(zip(module.branches, module.rates))
    scores = [F.conv2d(x, b.weight, b.bias, padding=rate, dilation=rate) for b, rate in pairs]
    return scores[0] + scores[1] + scores[2] + scores[3]


ENTRY = Throughput(
    make=_make, shapes=((2, 128, 41, 41), (1, 512, 41, 41)), obvious={"F.conv2d": _dilated}, lowered=False
)
