"""ConvS5 beside a loop over the frames with F.conv2d in complex numbers."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.conv_s5 import ConvS5


def _plain(module: ConvS5, x: Tensor) -> Tensor:
    system, readout = module.system, module.readout
    poles = torch.complex(system.poles[:, 0].clamp(max=-1e-4), system.poles[:, 1])
    B, C = torch.view_as_complex(system.input_kernel), torch.view_as_complex(system.output_kernel)
    factor = torch.exp(system.log_step.exp() * poles)[:, None, None]
    B = ((factor[:, 0, 0] - 1) / poles)[:, None, None, None] * B
    h, states = None, []
    for frame in x.unbind(2):
        driven = F.conv2d(frame.to(B.dtype), B, padding="same")
        h = driven if h is None else factor * h + driven
        states.append(h)
    frames = torch.stack(states, 1).flatten(0, 1)
    v = 2 * F.conv2d(frames, C, padding="same").real
    inside = v
    named = dict(readout.convs.named_parameters())
    for index, norm in enumerate(readout.norms):
        weight, bias = named[f"{index}.weight"], named[f"{index}.bias"]
        inside = F.conv2d(F.gelu(norm(inside)), weight, bias, padding="same")
    return F.gelu(v + inside).unflatten(0, (len(x), -1)).transpose(1, 2)


ENTRY = Throughput(
    make=lambda shape: ConvS5(shape[1], 2 * shape[1], groups=2),
    shapes=((2, 8, 16, 16, 16), (1, 32, 32, 32, 32)),
    obvious={"a loop over frames": _plain},
    lowered=False,
)
