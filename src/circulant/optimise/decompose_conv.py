"""Convolution kernels written as sums of outer products, where that takes fewer parameters."""

from typing import Any

from torch import nn

from circulant.core.sizes import product
from circulant.engine.conv_settings import LAYERS
from circulant.operators.spatial.one_way_conv import ONE_WAY
from circulant.optimise.replaced import Rewrite, replace


def decompose_conv(network: nn.Module, rank: int) -> Rewrite:
    """Replace 2-D and 3-D convolutions of torch by one-way filters, from the nearest kernels of that rank.

    Layers that would not get smaller are kept: those of one tap, and all at a rank of
    product(kernel) / sum(kernel) or more. Train on afterwards.
    """

    def substitute(name: str, module: nn.Module) -> nn.Module | None:
        if type(module) not in (LAYERS[2], LAYERS[3]):
            return None
        conv: Any = module
        if rank * sum(conv.kernel_size) >= product(conv.kernel_size):
            return None
        return ONE_WAY[conv.weight.ndim - 2].from_conv(conv, rank=rank)

    return replace(network, substitute)
