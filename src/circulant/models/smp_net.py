"""SMPNet: a network for pictures with large kernels made of self-moving points.

After Kim and Park (2023), SMPConv: Self-moving Point Representations for Continuous Convolution,
https://arxiv.org/abs/2304.02330, and its published code.
"""

from copy import deepcopy
from typing import cast, final

import torch
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from circulant.models.heads import PoolHead
from circulant.models.initial_weights import narrow_normal_weights
from circulant.models.rep_lk_net import LargeKernelStage, large_kernel_body, large_kernel_stages
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d
from circulant.operators.spatial.smp_conv import SMPConv2d

SMALL_KERNEL = 5

SMPNET_T = large_kernel_stages((96, 192, 384, 768), (2, 2, 8, 2))  # 27 million parameters
SMPNET_B = large_kernel_stages((128, 256, 512, 1024), (2, 2, 20, 2))  # 80 million


@final
class SmpBranches(nn.Module):
    """BN(points * x) + BN(w * x), both depthwise, w 5x5; one kernel after `reparameterize`.

    Shapes: x (B, C, H, W) -> y (B, C, H, W).
    """

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        C = channels
        self.large = SMPConv2d(C, C, kernel, padding=kernel // 2, groups=C, bias=False)
        self.small = DepthwiseConv2d(C, (SMALL_KERNEL, SMALL_KERNEL), bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(C), nn.BatchNorm2d(C)])
        self.single: DepthwiseConv2d | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.single is not None:
            return self.single(x)
        large, small = self.norms
        return large(self.large(x)) + small(self.small(x))

    @torch.no_grad()
    def reparameterize(self) -> None:
        """Merge both into one depthwise kernel, in place; equal in evaluation mode."""
        if self.single is not None:
            return
        pair = (self.large.to_conv(), self.small.to_conv())
        merged = [
            fuse_conv_bn_eval(conv.eval(), cast(nn.BatchNorm2d, norm).eval())
            for conv, norm in zip(pair, self.norms)
        ]
        K = max(conv.kernel_size[0] for conv in merged)
        like = merged[0].weight
        single = DepthwiseConv2d(len(like), (K, K), device=like.device, dtype=like.dtype)
        assert single.bias is not None
        for parameter in single.parameters():
            nn.init.zeros_(parameter)
        for conv in merged:
            assert conv.bias is not None
            single.weight.add_(nn.functional.pad(conv.weight, ((K - conv.kernel_size[0]) // 2,) * 4))
            single.bias.add_(conv.bias)
        self.single = single.train(self.training)
        del self.large, self.small, self.norms

    def fuse(self) -> "SmpBranches":
        """A merged copy."""
        copy = deepcopy(self)
        copy.reparameterize()
        return copy


@final
class SMPNet(nn.Module):
    """RepLKNet's body with kernels of points, and a linear head.  Shapes: x (B, C, H, W) -> (B, classes).

    drop_path is the rate of the last pair; the others' rise to it from 0. After each step of an optimiser
    call `clamp_parameters`.
    """

    def __init__(
        self,
        stages: tuple[LargeKernelStage, ...] = SMPNET_T,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.body = large_kernel_body(stages, in_channels, SmpBranches, drop_path)
        channels = stages[-1].channels
        self.head = PoolHead(channels, classes, nn.BatchNorm2d(channels))
        narrow_normal_weights(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))

    def clamp_parameters(self) -> None:
        for module in self.modules():
            if isinstance(module, SMPConv2d):
                module.clamp_parameters()

    def reparameterize(self) -> None:
        """Merge the branches of every block, in place."""
        for module in list(self.modules()):
            if isinstance(module, SmpBranches):
                module.reparameterize()
