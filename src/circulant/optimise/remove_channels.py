"""Channels of a network removed: smaller layers in the place of larger ones, with copies of what they keep.

Removal is exactly masking: the same output as if the channels were set to zero where the next layers read
them, behind norms and activations. A mask at the output of a convolution would leave the batch norm's bias.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from circulant.engine.conv_settings import CONVOLUTIONS
from circulant.optimise.channel_units import ChannelUnits, require_channels_left
from circulant.optimise.replaced import Rewrite, replace_named


def remove_channels(network: nn.Module, units: ChannelUnits, kept: Tensor) -> Rewrite:
    """Keep the units where kept (units,) is true; `undo` brings back the layers of before, as they were.

    A rewrite replaces every layer that makes, reads or follows a channel that goes; find the units anew for
    the next one.
    """
    require_channels_left(units, kept)
    substitutes: dict[str, Callable[[nn.Module], nn.Module]] = {}
    for name, made in units.made.items():
        read = units.read[name]
        if not (kept[made].all() and kept[read].all()):
            substitutes[name] = _smaller(kept[made], kept[read])
    for name, followed in units.followed.items():
        if not kept[followed].all():
            substitutes[name] = _follower(kept[followed])
    return replace_named(network, substitutes)


def _smaller(made: Tensor, read: Tensor) -> Callable[[nn.Module], nn.Module]:
    return lambda layer: smaller_layer(layer, made, read)


def _follower(followed: Tensor) -> Callable[[nn.Module], nn.Module]:
    return lambda layer: _smaller_follower(layer, followed)


@torch.no_grad()
def smaller_layer(layer: Any, made: Tensor, read: Tensor) -> nn.Module:
    """A convolution or linear layer with the output channels `made` (O) and input channels `read` (I)."""
    groups = getattr(layer, "groups", 1)
    weight = layer.weight[made.to(layer.weight.device)]
    width = layer.weight.shape[1]
    if not (groups == len(read) and groups > 1):  # not depthwise: every group reads the same places
        weight = weight[:, read[:width].to(weight.device)]
    bias = None if layer.bias is None else layer.bias[made.to(weight.device)]
    O, I = int(made.sum()), int(read.sum())
    if type(layer) in CONVOLUTIONS:
        smaller: Any = type(layer)(
            I, O, layer.kernel_size, layer.stride, layer.padding, layer.dilation,
            I if groups == len(read) else groups, bias is not None, layer.padding_mode, device="meta",
        )  # fmt: skip
    else:
        smaller = nn.Linear(I, O, bias is not None, device="meta")
    smaller.weight = nn.Parameter(weight.clone(), layer.weight.requires_grad)
    if bias is not None:
        smaller.bias = nn.Parameter(bias.clone(), layer.bias.requires_grad)
    made_smaller: nn.Module = smaller
    return made_smaller


@torch.no_grad()
def _smaller_follower(layer: Any, followed: Tensor) -> nn.Module:
    """A batch norm, or PReLU with a number for each channel."""
    C = int(followed.sum())
    smaller: Any = nn.PReLU(C, device="meta")
    if type(layer) is not nn.PReLU:
        smaller = type(layer)(
            C, layer.eps, layer.momentum, layer.affine, layer.track_running_stats, device="meta"
        )
    for name, parameter in layer.named_parameters(recurse=False):
        chosen = parameter[followed.to(parameter.device)].clone()
        setattr(smaller, name, nn.Parameter(chosen, parameter.requires_grad))
    for name, buffer in layer.named_buffers(recurse=False):
        chosen = buffer[followed.to(buffer.device)] if buffer.ndim else buffer
        setattr(smaller, name, chosen.clone())
    made_smaller: nn.Module = smaller
    return made_smaller
