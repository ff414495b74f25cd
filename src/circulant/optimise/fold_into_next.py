"""Every batch norm that a convolution without padding alone reads, made part of that convolution.

In evaluation a norm is k x + s in each channel, and where nothing is padded s stays constant:

    W * (k x + s) = (W k) * x + sum of W s over taps and channels
"""

from typing import Any

import torch
from torch import Tensor, nn

from circulant.optimise.layer_pairs import pairs_of
from circulant.optimise.replaced import Rewrite, replace
from circulant.optimise.traced import traced
from circulant.optimise.tune_mode_conv_bn import factor_of

# one-dimensional norms take rows without positions too, whose channels are elsewhere
READERS: dict[type[nn.Module], Any] = {nn.BatchNorm2d: nn.Conv2d, nn.BatchNorm3d: nn.Conv3d}


def fold_into_next(network: nn.Module) -> Rewrite:
    """Put one plain convolution in the place of each such convolution, and an identity in that of its norm.

    The network computes what it did in evaluation, whatever its mode.
    """
    substitutes: dict[nn.Module, nn.Module] = {}
    for norm, conv in pairs_of(traced(network), _fit).items():
        substitutes[norm] = nn.Identity()
        substitutes[conv] = _folded(norm, conv)
    return replace(network, lambda _, module: substitutes.get(module))


def _fit(norm: Any, conv: Any) -> bool:
    is_pair = type(norm) in READERS and type(conv) is READERS[type(norm)]
    return is_pair and norm.running_var is not None and _pads_nothing(conv)


def _pads_nothing(conv: Any) -> bool:
    if isinstance(conv.padding, str):
        return conv.padding == "valid" or all(size == 1 for size in conv.kernel_size)
    return not any(conv.padding)


@torch.no_grad()
def _folded(norm: Any, conv: Any) -> nn.Module:
    factor = factor_of(norm)
    shift = -factor * norm.running_mean if norm.bias is None else norm.bias - factor * norm.running_mean
    single = type(conv)(
        conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, conv.dilation,
        conv.groups, padding_mode=conv.padding_mode, device="meta",
    )  # fmt: skip
    offset = _times_inputs(conv, shift).flatten(1).sum(1)
    trains = conv.weight.requires_grad
    single.weight = nn.Parameter(_times_inputs(conv, factor), trains)
    single.bias = nn.Parameter(offset if conv.bias is None else conv.bias + offset, trains)
    return single


def _times_inputs(conv: Any, factor: Tensor) -> Tensor:
    """The weight, times a factor (I) of each input channel."""
    grouped = conv.weight.unflatten(0, (conv.groups, -1))
    return (grouped * factor.reshape(conv.groups, 1, -1, *(1,) * (grouped.ndim - 3))).flatten(0, 1)
