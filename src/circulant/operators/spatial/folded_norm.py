"""A depthwise convolution and the batch norm after it, as one convolution."""

import torch
from torch import nn

from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d


@torch.no_grad()
def with_norm(conv: DepthwiseConv2d, norm: nn.BatchNorm2d) -> DepthwiseConv2d:
    """A convolution that equals norm(conv(x)) in evaluation mode."""
    assert norm.running_mean is not None and norm.running_var is not None
    single = DepthwiseConv2d(
        conv.channels, conv.kernel, dilation=conv.dilation[0], boundary=conv.boundary,
        device=conv.weight.device, dtype=conv.weight.dtype,
    )  # fmt: skip
    assert single.bias is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    bias = 0 if conv.bias is None else conv.bias
    single.weight.copy_(scale[:, None, None, None] * conv.weight)
    single.bias.copy_(norm.bias + scale * (bias - norm.running_mean))
    return single
