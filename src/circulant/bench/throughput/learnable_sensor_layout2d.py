"""A learnable sensor layout beside one contraction with the cells' shares."""

import torch
from torch import Tensor, nn

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.dynamic.learnable_sensor_layout2d import LearnableSensorLayout2d


def _make(shape: Shape) -> LearnableSensorLayout2d:
    operator = LearnableSensorLayout2d((shape[2] // 4, shape[3] // 4))
    nn.init.normal_(operator.layout)
    return operator


def _contracted(operator: LearnableSensorLayout2d, x: Tensor) -> Tensor:
    shares = []
    for edges, count in zip(operator.edges(), x.shape[2:], strict=True):
        at, pixels = count * (edges + 1) / 2, torch.arange(count, device=x.device)
        overlap = torch.minimum(at[1:, None], pixels + 1) - torch.maximum(at[:-1, None], pixels)
        shares.append(overlap.clamp(min=0) / at.diff()[:, None])
    return torch.einsum("ih,jw,bchw->bcij", *shares, x)


ENTRY = Throughput(
    make=_make,
    shapes=((16, 3, 128, 128), (8, 3, 512, 512)),
    obvious={"einsum": _contracted},
    lowered=False,
)
