"""Channels as waves beside complex numbers and a convolution of torch."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spatial.wave_channel_mixer2d import WaveChannelMixer2d


def complex_numbers(module: WaveChannelMixer2d, x: Tensor) -> Tensor:
    place = x.argmax(1, keepdim=True)
    theta, w = F.gelu(module.phase(x)), module.amplitude(x)
    f = w * theta + w.gather(1, place) * theta.gather(1, place)
    pairs = f.movedim(1, -1).unflatten(-1, (-1, 2)).contiguous()
    numbers = torch.view_as_complex(pairs) * torch.view_as_complex(module.turn)
    f = torch.view_as_real(numbers).flatten(-2).movedim(-1, 1).contiguous()
    y = F.gelu(module.norm(F.conv2d(f, module.neighbours.weight, padding=1, groups=f.shape[1])))
    gate = module.gate.excite(F.relu(module.gate.squeeze(F.adaptive_avg_pool2d(y, 1))))
    return module.project(y * torch.sigmoid(gate))


ENTRY = Throughput(
    make=lambda shape: WaveChannelMixer2d(shape[1]),
    shapes=((1, 64, 28, 28), (4, 128, 56, 56)),
    obvious={"complex numbers": complex_numbers},
    lowered=False,
)
