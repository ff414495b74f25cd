"""Global HyperZZW beside the same maps, standardisations and matrix products of torch."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.dynamic.hyper_zzw_global2d import HyperZZWGlobal2d
from circulant.operators.dynamic.recursive_gated_unit import RecursiveGatedUnit2d


def _make(shape: Shape) -> HyperZZWGlobal2d:
    return HyperZZWGlobal2d(shape[1], shape[2])


def _gated(unit: RecursiveGatedUnit2d, x: Tensor) -> Tensor:
    product = unit.key(x) * unit.query(unit.value(x))
    y: Tensor = unit.output(F.gelu(F.instance_norm(product)) + unit.place)
    return y


def _matmul(operator: HyperZZWGlobal2d, x: Tensor) -> Tensor:
    slow, axis = operator.slow, torch.linspace(-1, 1, operator.size, device=x.device)
    taps = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1)
    z = slow.filters[0](taps).sin()
    for sines, linear in zip(list(slow.filters)[1:], slow.linears):
        z = sines(taps).sin() * linear(z) + slow.bias[..., None]
    kernel = x * slow.output(z).permute(2, 0, 1)
    added = _gated(operator.from_x, x) + _gated(operator.from_kernel, kernel)
    return kernel @ F.instance_norm(added)


ENTRY = Throughput(
    make=_make,
    shapes=((8, 24, 28, 28), (8, 72, 32, 32)),
    obvious={"matmul": _matmul},
    lowered=False,
)
