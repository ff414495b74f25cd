"""Messages from slice to slice beside the same loop with F.conv2d on slices of the picture."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spatial.spatial_message_passing2d import SpatialMessagePassing2d


def _slices(operator: SpatialMessagePassing2d, x: Tensor) -> Tensor:
    reach = operator.weight.shape[-1] // 2
    for direction, kernel in zip(operator.directions, operator.weight):
        dim = 2 if direction.along_rows else 3
        kernel, padding = (kernel[:, :, None], (0, reach)) if dim == 2 else (kernel[..., None], (reach, 0))
        slices = list(x.split(1, dim))
        slices = slices[::-1] if direction.backward else slices
        for i in range(1, len(slices)):
            slices[i] = slices[i] + F.relu(F.conv2d(slices[i - 1], kernel, padding=padding))
        x = torch.cat(slices[::-1] if direction.backward else slices, dim)
    return x


ENTRY = Throughput(
    make=lambda shape: SpatialMessagePassing2d(shape[1]),
    shapes=((2, 32, 24, 40), (1, 128, 36, 100)),
    obvious={"conv2d of slices": _slices},
    lowered=False,
)
