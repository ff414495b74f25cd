"""ConvSSM beside a loop over the frames with F.conv2d."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.conv_ssm import ConvSSM


def _convolved(frames: Tensor, kernel: Tensor) -> Tensor:
    reach = kernel.shape[-1] // 2
    return F.conv2d(F.pad(frames, (reach,) * 4, mode="circular"), kernel.flip(-1, -2))


def _plain(module: ConvSSM, x: Tensor) -> Tensor:
    h, outputs = None, []
    for frame in x.unbind(2):
        driven = _convolved(frame, module.input_kernel)
        h = driven if h is None else _convolved(h, module.state_kernel) + driven
        outputs.append(_convolved(h, module.output_kernel) + module.skip[:, None, None] * frame)
    return torch.stack(outputs, 2)


ENTRY = Throughput(
    make=lambda shape: ConvSSM(shape[1], shape[1]),
    shapes=((2, 8, 16, 16, 16), (1, 16, 32, 32, 32)),
    obvious={"a loop over frames": _plain},
    lowered=False,
)
