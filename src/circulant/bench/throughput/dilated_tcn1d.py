"""The dilated temporal convolution beside a loop over its layers with torch's convolutions."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.dilated_tcn1d import DilatedTCN1d, covering


def _layers(module: DilatedTCN1d, x: Tensor) -> Tensor:
    h = x
    for i in range(module.depth):
        dilation = module.base**i
        padded = F.pad(h, ((module.kernel_size - 1) * dilation, 0))
        taps = module.depthwise[i].flip(-1)[:, None]
        h = F.conv1d(padded, taps, dilation=dilation, groups=module.channels)
        h = F.gelu(F.conv1d(h, module.mix[i, :, :, None], module.bias[i]))
    return x + h if module.residual else h


ENTRY = Throughput(
    make=lambda shape: DilatedTCN1d(shape[1], covering(shape[2], 5, 4), 5, 4),
    shapes=((4, 32, 256), (4, 64, 4096)),
    obvious={"conv1d": _layers},
    lowered=False,
)
