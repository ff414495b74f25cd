"""A depthwise 3x3 convolution trained with two branches beside it, and merged into one afterwards."""

from typing import final

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from circulant.models.inverted_residual import conv_norm


@final
class RepDepthwise(nn.Module):
    """BN(k * x) + BN(s x) + x, k depthwise 3x3 and s a factor of each channel; k' * x + b when merged.

    Shapes: x (B, C, H, W) -> y (B, C, H, W).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.window: nn.Module = conv_norm(channels, channels, 3, groups=channels, act=False)
        self.point: nn.Module | None = conv_norm(channels, channels, 1, groups=channels, act=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.window(x)
        return y if self.point is None else y + self.point(x) + x

    @torch.no_grad()
    def reparameterize(self) -> None:
        """Merge the branches into one convolution with the statistics gathered so far, in place."""
        if self.point is None:
            return
        (weight, bias), (factor, shift) = (_merged(branch) for branch in (self.window, self.point))
        channels = len(weight)
        merged = nn.Conv2d(
            channels, channels, 3, padding=1, groups=channels, device=weight.device, dtype=weight.dtype
        )
        merged.weight.copy_(weight + nn.functional.pad(factor + 1, (1, 1, 1, 1)))
        merged.bias.copy_(bias + shift)  # type: ignore[union-attr]
        self.window, self.point = merged, None


def _merged(branch: nn.Module) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution and the batch norm after it, in evaluation mode."""
    conv, norm = branch.children()
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    return fuse_conv_bn_weights(conv.weight, None, mean, variance, norm.eps, norm.weight, norm.bias)
