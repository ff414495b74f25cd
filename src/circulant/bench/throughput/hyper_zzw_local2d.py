"""Local HyperZZW beside torch's depthwise convolution and batch norm."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.dynamic.hyper_zzw_local2d import HyperZZWLocal2d


def _make(shape: Shape) -> HyperZZWLocal2d:
    return HyperZZWLocal2d(shape[1], 9)


def _depthwise(operator: HyperZZWLocal2d, x: Tensor) -> Tensor:
    slow, k = operator.slow, operator.kernel_size
    axis = torch.linspace(-1, 1, k, device=x.device)
    taps = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1)
    pooled = F.adaptive_avg_pool2d(x, k).mean(0).permute(1, 2, 0)
    context, z = F.gelu(slow.mix(slow.reduce(pooled))), slow.net.filters[0](taps).sin()
    for number, modulate in enumerate(slow.modulate):
        z = slow.net.filters[number + 1](taps).sin() * slow.net.linears[number](z)
        z = z + slow.net.bias[..., None]
        length = z.flatten(0, 1).norm(dim=0)
        z = (slow.alpha[number] * z + slow.beta[number] * z / length) * modulate(context)
    kernel = slow.net.output(z).permute(2, 0, 1)[:, None]
    mixed = operator.mix(F.conv2d(x, kernel, padding=k // 2, groups=x.shape[1]))
    return F.gelu(F.batch_norm(mixed, None, None, training=True)) + operator.bias


ENTRY = Throughput(
    make=_make,
    shapes=((8, 32, 28, 28), (8, 72, 56, 56)),
    obvious={"F.conv2d": _depthwise},
    lowered=False,
)
