"""Convolution layers whose kernels are spread, for inputs larger than the network was trained on."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.engine.conv_settings import LAYERS, TorchConv
from circulant.operators.spatial.dispersed_kernel import dispersed_kernel
from circulant.operators.spatial.re_dilated_conv import RE_DILATED
from circulant.operators.spatial.re_dilated_layer import ReDilatedConvNd
from circulant.optimise.conv_layer import conv_layer
from circulant.optimise.replaced import Rewrite, replace_named


@final
@dataclass(frozen=True, slots=True)
class Dispersal:
    """Layers by name whose kernels are made larger by a transform (`dispersion`) and spread half as much."""

    names: Collection[str]
    transform: Tensor


def redilate(network: nn.Module, factors: Mapping[str, float], dispersal: Dispersal | None = None) -> Rewrite:
    """Spread each convolution layer that `factors` names by its factor; `undo` brings the layers back.

    Spread layers keep the very parameters of the layers before, dispersed ones a larger copy. For a schedule
    over the steps of a sampler, rewrite and undo at each step (`decayed_factor`).
    """
    dispersed = set() if dispersal is None else set(dispersal.names)
    if missing := sorted(dispersed - factors.keys()):
        raise ArgumentError(f"expected a factor for each dispersed layer, got none for {', '.join(missing)}")

    def spread(name: str, factor: float) -> Callable[[nn.Module], nn.Module]:
        def build(layer: nn.Module) -> ReDilatedConvNd:
            conv = conv_layer(name, layer)
            if dispersal is None or name not in dispersed:
                return RE_DILATED[conv.weight.ndim - 2].from_conv(conv, factor=factor)
            larger = _dispersed(conv, dispersal.transform)
            return RE_DILATED[conv.weight.ndim - 2].from_conv(larger, factor=factor / 2)

        return build

    return replace_named(network, {name: spread(name, factor) for name, factor in factors.items()})


def _dispersed(conv: TorchConv, transform: Tensor) -> TorchConv:
    """The layer with larger kernels, and as much more padding."""
    with torch.no_grad():
        weight = dispersed_kernel(conv.weight, transform)
    if isinstance(conv.padding, str):
        raise ArgumentError(f"expected a dispersed layer that pads by numbers, got {conv.padding!r}")
    more = tuple(d * (k - old) // 2 for d, k, old in zip(conv.dilation, weight.shape[2:], conv.kernel_size))
    larger: TorchConv = LAYERS[len(more)](
        conv.in_channels, conv.out_channels, tuple(weight.shape[2:]), conv.stride,
        tuple(p + extra for p, extra in zip(conv.padding, more)), conv.dilation, conv.groups,
        conv.bias is not None, conv.padding_mode, device="meta",
    )  # fmt: skip
    larger.weight, larger.bias = nn.Parameter(weight), conv.bias
    return larger
