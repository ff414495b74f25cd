"""A ConvFormer layer beside torch's convolutions, its edge branches apart as they are trained."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spatial.conv_former_layer2d import ConvFormerLayer2d


def _make(shape: Shape) -> ConvFormerLayer2d:
    return ConvFormerLayer2d(shape[1], scale=1.0)


def _convolutions(module: Any, x: Tensor) -> Tensor:
    C, K = x.shape[1], module.spread.kernel[0]

    def norm(z: Tensor, layer: Any) -> Tensor:
        rows = F.layer_norm(z.permute(0, 2, 3, 1), (C,), layer.weight, layer.bias, layer.eps)
        return rows.permute(0, 3, 1, 2)

    def point(z: Tensor, layer: Any) -> Tensor:
        return F.conv2d(z, layer.weight, layer.bias)

    normed, spread, edge = norm(x, module.gate_norm), module.spread, module.mlp.edge
    query = F.gelu(point(normed, module.query))
    gate = F.conv2d(query, spread.weight, spread.bias, padding=K // 2, groups=C)
    mixed = point(gate * point(normed, module.value), module.project)
    z = x + module.gate_scale[:, None, None] * mixed
    hidden = F.gelu(point(norm(z, module.mlp_norm), module.mlp.expand))
    wide = hidden.shape[1]
    seen = F.conv2d(hidden, edge.weight, edge.bias, padding=1, groups=wide)
    for mask, scale, shift in zip(edge.edges, edge.scale, edge.shift):
        seen = seen + F.conv2d(hidden, scale[:, None, None, None] * mask, shift, padding=1, groups=wide)
    return z + module.mlp_scale[:, None, None] * point(hidden + F.gelu(seen), module.mlp.contract)


ENTRY = Throughput(
    make=_make,
    shapes=((2, 48, 48, 48), (1, 48, 180, 320)),
    obvious={"F.conv2d for each branch": _convolutions},
    lowered=False,
)
