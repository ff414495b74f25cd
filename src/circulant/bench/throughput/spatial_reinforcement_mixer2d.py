"""Spatial reinforcement beside convolutions of torch."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spatial.channel_gate import ChannelGate
from circulant.operators.spatial.spatial_reinforcement_mixer2d import SpatialReinforcementMixer2d


def gated(gate: ChannelGate, x: Tensor) -> Tensor:
    return x * torch.sigmoid(gate.excite(F.relu(gate.squeeze(F.adaptive_avg_pool2d(x, 1)))))


def convolutions(module: SpatialReinforcementMixer2d, x: Tensor) -> Tensor:
    z = module.halve(x)
    C = z.shape[1]
    z = z + module.gain[:, None, None] * (z - F.adaptive_avg_pool2d(z, 1))
    near = F.conv2d(z, module.near.weight, padding=1, groups=C)
    far = F.conv2d(z, module.middle.weight, padding=2, dilation=2, groups=C)
    far = F.conv2d(far, module.far.weight, padding=2, dilation=2, groups=C)
    near = gated(module.near_gate, F.gelu(module.near_norm(near)))
    far = gated(module.far_gate, F.gelu(module.far_norm(far)))
    return module.project(torch.cat([near, far], 1))


ENTRY = Throughput(
    make=lambda shape: SpatialReinforcementMixer2d(shape[1]),
    shapes=((1, 64, 28, 28), (4, 128, 56, 56)),
    obvious={"F.conv2d": convolutions},
    lowered=False,
)
