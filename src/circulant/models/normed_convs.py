"""Convolutions with batch norms that become one convolution when training is over."""

from collections.abc import Sequence
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval


@final
class NormedConvs(nn.Module):
    """sum_i BN_i(w_i * x), kernels of several odd sizes around one middle.

    Shapes: x (B, C, H, W) -> y (B, D, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernels: Sequence[int], *, stride: int = 1, groups: int = 1
    ) -> None:
        """kernels: the largest first."""
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(in_channels, out_channels, size, stride, size // 2, groups=groups, bias=False)
            for size in kernels
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(out_channels) for _ in kernels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([norm(conv(x)) for conv, norm in zip(self.convs, self.norms)]).sum(0)

    @torch.no_grad()
    def merged(self) -> nn.Conv2d:
        """The one convolution that this is in evaluation mode."""
        parts = []
        for conv, norm in zip(self.convs, self.norms):
            assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
            was_training = norm.training
            parts.append(fuse_conv_bn_eval(conv.eval(), norm.eval()))
            conv.train(was_training)
            norm.train(was_training)
        largest = parts[0]
        assert largest.bias is not None
        for part in parts[1:]:
            assert part.bias is not None
            edge = (largest.kernel_size[0] - part.kernel_size[0]) // 2
            largest.weight.add_(F.pad(part.weight, (edge,) * 4))
            largest.bias.add_(part.bias)
        return largest


@final
class NormedSkip(nn.Module):
    """x + A BN(x), A mixing the channels of each position.  Shapes: x (B, C, H, W) -> y (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.mix = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mix(self.norm(x))

    @torch.no_grad()
    def merged(self) -> nn.Conv2d:
        """The one convolution that this is in evaluation mode."""
        norm, weight = self.norm, self.mix.weight
        assert norm.running_mean is not None and norm.running_var is not None
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        shift = norm.bias - scale * norm.running_mean
        conv = nn.Conv2d(len(weight), len(weight), 1, device=weight.device, dtype=weight.dtype)
        assert conv.bias is not None
        identity = torch.eye(len(weight), device=weight.device, dtype=weight.dtype)[:, :, None, None]
        conv.weight.copy_(weight * scale[:, None, None] + identity)
        conv.bias.copy_(weight[:, :, 0, 0] @ shift)
        return conv


def merge_convs(network: nn.Module) -> int:
    """Replace every module of these two kinds inside the network, in place; returns how many there were."""
    count = 0
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, NormedConvs | NormedSkip):
                setattr(parent, name, child.merged().train(child.training))
                count += 1
    return count
