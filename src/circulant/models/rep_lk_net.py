"""RepLKNet: few layers with kernels up to 31x31, each trained beside a 5x5 one and merged with it afterwards.

After Ding, Zhang, Zhou, Han, Ding and Sun (2022), Scaling Up Your Kernels to 31x31: Revisiting Large Kernel
Design in CNNs, https://arxiv.org/abs/2203.06717, and the published code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from torch import Tensor, nn

from circulant.models.heads import PoolHead
from circulant.models.initial_weights import narrow_normal_weights
from circulant.models.inverted_residual import conv_norm
from circulant.models.residual import Residual
from circulant.models.stages import drop_path_rates
from circulant.operators.spatial.dilated_reparam_block import DilatedBranch
from circulant.operators.spatial.large_kernel_conv import LargeKernelConv2d

KERNELS = (31, 29, 27, 13)
BESIDE = (DilatedBranch(5, 1),)
MLP_RATIO = 4


@final
@dataclass(frozen=True, slots=True)
class LargeKernelStage:
    """Pairs of blocks on one grid."""

    channels: int
    depth: int
    kernel: int


def large_kernel_stages(widths: tuple[int, ...], depths: tuple[int, ...]) -> tuple[LargeKernelStage, ...]:
    """With the published kernels."""
    return tuple(map(LargeKernelStage, widths, depths, KERNELS))


REP_LK_NET_31B = large_kernel_stages((128, 256, 512, 1024), (2, 2, 18, 2))  # 79 million parameters
REP_LK_NET_31L = large_kernel_stages((192, 384, 768, 1536), (2, 2, 18, 2))  # 172 million


@final
class RepLKNet(nn.Module):
    """Stem, stages of two kinds of residual blocks, a linear head.  Shapes: x (B, C, H, W) -> (B, classes).

    drop_path is the rate of the last pair; the others' rise to it from 0.
    """

    def __init__(
        self,
        stages: tuple[LargeKernelStage, ...] = REP_LK_NET_31B,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.body = large_kernel_body(stages, in_channels, _mixer, drop_path)
        channels = stages[-1].channels
        self.head = PoolHead(channels, classes, nn.BatchNorm2d(channels))
        narrow_normal_weights(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))

    def reparameterize(self) -> None:
        """Merge the branches of every block, in place."""
        for module in list(self.modules()):
            if isinstance(module, LargeKernelConv2d):
                module.reparameterize()


def large_kernel_body(
    stages: tuple[LargeKernelStage, ...],
    in_channels: int,
    mixer: Callable[[int, int], nn.Module],
    drop_path: float,
) -> nn.Sequential:
    """A stem to a quarter of the grid, then pairs of blocks, each stage on half the grid of the one before.

    A pair: x + project(relu(mixer(relu(expand(BN(x)))))), as wide within as without, and
    x + project(gelu(expand(BN(x)))), four times as wide. mixer(channels, kernel) keeps the grid.
    """
    C = stages[0].channels
    layers: list[nn.Module] = [
        conv_norm(in_channels, C, 3, stride=2, activation=nn.ReLU),
        conv_norm(C, C, 3, groups=C, activation=nn.ReLU),
        conv_norm(C, C, 1, activation=nn.ReLU),
        conv_norm(C, C, 3, stride=2, groups=C, activation=nn.ReLU),
    ]
    for stage, rates in zip(stages, drop_path_rates(drop_path, [stage.depth for stage in stages])):
        if stage is not stages[0]:
            D = stage.channels
            layers.append(conv_norm(C, D, 1, activation=nn.ReLU))
            layers.append(conv_norm(D, D, 3, stride=2, groups=D, activation=nn.ReLU))
            C = D
        for rate in rates:
            layers += _blocks(C, mixer(C, stage.kernel), rate)
    return nn.Sequential(*layers)


def _mixer(channels: int, kernel: int) -> LargeKernelConv2d:
    return LargeKernelConv2d(channels, kernel, branches=BESIDE)


def _blocks(channels: int, mixer: nn.Module, drop_path: float) -> list[nn.Module]:
    C, hidden = channels, MLP_RATIO * channels
    mix = [conv_norm(C, C, 1, activation=nn.ReLU), mixer, nn.ReLU(), conv_norm(C, C, 1, act=False)]
    mlp = [conv_norm(C, hidden, 1, activation=nn.GELU), conv_norm(hidden, C, 1, act=False)]
    return [Residual(nn.Sequential(*branch), nn.BatchNorm2d(C), drop_path=drop_path) for branch in (mix, mlp)]
