"""ConvNeXt blocks on the same input as one broad block.

Each block has a depthwise convolution and a norm of its own before its MLP, so that the MLPs see different
inputs. What fuses is: one depthwise convolution with n kernels to each channel, a norm for each block, a
1x1 convolution in n groups, and one 1x1 convolution that adds all blocks up.
"""

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm

from circulant.engine.convolution import convolution
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d


@final
class FusedConvNeXtBlocks(nn.Module):
    """x + sum_i project_i gelu(expand_i norm(k_i * x)), gains and scales inside the 1x1 convolutions.

    Shapes: x (B, C, H, W) -> y (B, C, H, W).
    """

    def __init__(self, mixers: Sequence[DepthwiseConv2d], hidden: int, eps: float) -> None:
        """mixers of the blocks, alike but for their weights; hidden: of all blocks together."""
        super().__init__()
        first, n = mixers[0], len(mixers)
        self.channels, self.blocks, self.eps = first.channels, n, eps
        self.padding, self.dilation, self.boundary = first.padding, first.dilation, first.boundary
        self.weight = nn.Parameter(torch.stack([mixer.weight for mixer in mixers], 1).flatten(0, 1))
        zeros = torch.zeros_like(first.weight[:, 0, 0, 0])
        biases = [zeros if mixer.bias is None else mixer.bias for mixer in mixers]
        self.bias = nn.Parameter(torch.stack(biases, 1).flatten())
        self.expand = nn.Conv2d(n * self.channels, hidden, 1, groups=n)
        self.project = nn.Conv2d(hidden, self.channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        mixed = convolution(
            x, self.weight, self.bias, stride=(1, 1), padding=self.padding, dilation=self.dilation,
            groups=self.channels, boundary=self.boundary,
        )  # fmt: skip
        by_block = mixed.unflatten(1, (self.channels, self.blocks)).movedim(1, -1)  # (B, n, H, W, C)
        normed = layer_norm(by_block, (self.channels,), eps=self.eps).movedim(-1, 2).flatten(1, 2)
        return x + self.project(gelu(self.expand(normed)))
