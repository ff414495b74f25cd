"""A network trained on pictures, turned into one for volumes."""

from typing import Any

import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.operators.spatial.cross_dimensional_conv import CrossDimensionalConv
from circulant.optimise.replaced import Rewrite, replace

NORMS: dict[type[nn.Module], Any] = {
    nn.BatchNorm2d: nn.BatchNorm3d, nn.InstanceNorm2d: nn.InstanceNorm3d, nn.Dropout2d: nn.Dropout3d,
}  # fmt: skip
POOLING: dict[type[nn.Module], Any] = {
    nn.MaxPool2d: nn.MaxPool3d, nn.AvgPool2d: nn.AvgPool3d,
    nn.AdaptiveAvgPool2d: nn.AdaptiveAvgPool3d, nn.AdaptiveMaxPool2d: nn.AdaptiveMaxPool3d,
}  # fmt: skip


def transfer_2d_3d(network: nn.Module) -> Rewrite:
    """Make what is two-dimensional three-dimensional; `CrossDimensionalConv` takes volumes as it is.

    Norms keep the very parameters and statistics they have, 1x1 convolutions their weights; pooling is as
    large along the new axis as along the others. Other 2-D convolutions have no third axis to show and are
    refused.
    """
    kept = {
        part
        for module in network.modules()
        if isinstance(module, CrossDimensionalConv)
        for part in module.modules()
    }
    return replace(network, lambda name, module: None if module in kept else _substitute(name, module))


def _substitute(name: str, module: nn.Module) -> nn.Module | None:
    kind: Any = type(module)
    if kind is nn.Conv2d:
        return _pointwise(name, module)
    if kind in NORMS:
        new = NORMS[kind](module.p) if kind is nn.Dropout2d else _norm(module)
        return new
    return _pool(name, module) if kind in POOLING else None


def _norm(norm: Any) -> nn.Module:
    new = NORMS[type(norm)](norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
    new._parameters.update(norm._parameters)
    new._buffers.update(norm._buffers)
    return new


def _pointwise(name: str, conv: Any) -> nn.Module:
    if any(k > 1 for k in conv.kernel_size) or len(set(conv.stride)) > 1 or any(conv.padding):
        raise ArgumentError(
            f"expected 1x1 convolutions beside CrossDimensionalConv, got {name!r}: {conv}; "
            "make it a CrossDimensionalConv before training on pictures"
        )
    new = nn.Conv3d(conv.in_channels, conv.out_channels, 1, conv.stride[0], groups=conv.groups, device="meta")
    new.weight = nn.Parameter(conv.weight.detach().unsqueeze(2).clone(memory_format=torch.contiguous_format))
    new.bias = conv.bias
    return new


def _pool(name: str, pool: Any) -> nn.Module:
    build = POOLING[type(pool)]
    if isinstance(pool, (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)):
        return build(_cubic(name, pool.output_size))
    told = {"kernel_size", "stride", "padding", "dilation"} & pool.__dict__.keys()
    sizes = {each: _cubic(name, getattr(pool, each)) for each in told}
    flags = {"return_indices", "ceil_mode", "count_include_pad", "divisor_override"} & pool.__dict__.keys()
    return build(**sizes, **{each: getattr(pool, each) for each in flags})


def _cubic(name: str, size: Any) -> int:
    """The one size along both axes, for the third."""
    sizes = set(size) if isinstance(size, tuple) else {size}
    if len(sizes) > 1:
        raise ArgumentError(f"expected the same size along both axes of {name!r}, got {size}")
    (one,) = sizes
    return one
