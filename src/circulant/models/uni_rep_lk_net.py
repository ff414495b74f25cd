"""UniRepLKNet: few layers with large kernels, whose branches merge after training.

After Zhang, Ding and Yue (2024), Scaling Up Your Kernels: Large Kernel Design in ConvNets towards Universal
Representations, https://arxiv.org/abs/2410.08049, and the published code.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast, final

import torch
from torch import Tensor, nn

from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.global_response_norm import GlobalResponseNorm
from circulant.models.initial_weights import narrow_normal_weights
from circulant.models.residual import DropPath
from circulant.models.stages import StagedNetwork, drop_path_rates
from circulant.operators.gates.squeeze_excitation import SqueezeExcitation2d
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d
from circulant.operators.spatial.folded_norm import with_norm
from circulant.operators.spatial.large_kernel_conv import LargeKernelConv2d

SMALLEST_MERGED = 7  # kernels below have no branches beside them
SQUEEZE, EXPAND = 4, 4
FIRST_SCALE, EPS = 1e-6, 1e-6


@final
class UniRepLKNetBlock(nn.Module):
    """x + scale norm(W2 grn(gelu(W1 se(norm(dw(x)))))).  Shapes: x (B, C, H, W) -> y (B, C, H, W).

    dw is a depthwise convolution, with dilated branches from 7x7 on. After `reparameterize` the norms, the
    branches, the scale and the bias of grn are part of dw and of W2.
    """

    def __init__(self, channels: int, kernel_size: int, drop_path: float = 0.0) -> None:
        super().__init__()
        hidden = EXPAND * channels
        self.mixer: LargeKernelConv2d | DepthwiseConv2d = (
            LargeKernelConv2d(channels, kernel_size)
            if kernel_size >= SMALLEST_MERGED
            else DepthwiseConv2d(channels, (kernel_size, kernel_size), bias=False)
        )
        self.mixer_norm: nn.Module = nn.BatchNorm2d(channels)
        self.gate = SqueezeExcitation2d(channels, SQUEEZE)
        self.expand = nn.Linear(channels, hidden)
        self.respond = GlobalResponseNorm(hidden)
        self.project = nn.Linear(hidden, channels, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(channels)
        self.scale: nn.Parameter | None = nn.Parameter(torch.full((channels,), FIRST_SCALE))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        mixed = self.gate(self.mixer_norm(self.mixer(x)))
        hidden = self.respond(nn.functional.gelu(self.expand(mixed.movedim(1, -1))))
        y = self.norm(self.project(hidden).movedim(-1, 1))
        if self.scale is not None:
            y = self.scale[:, None, None] * y
        return x + self.drop_path(y)

    @torch.no_grad()
    def reparameterize(self) -> None:
        """Merge, in place, all that is linear in evaluation mode. A second call changes nothing."""
        if self.scale is None:
            return
        mixer = self.mixer.body.merged() if isinstance(self.mixer, LargeKernelConv2d) else self.mixer
        self.mixer = with_norm(mixer, cast(nn.BatchNorm2d, self.mixer_norm))
        self.project = self._merged_projection()
        self.mixer_norm, self.norm = nn.Identity(), nn.Identity()
        self.scale = self.respond.bias = None

    def _merged_projection(self) -> nn.Linear:
        """scale norm(W2 (h + bias of grn)) as one linear map of h."""
        norm, weight = cast(nn.BatchNorm2d, self.norm), self.project.weight
        assert norm.running_mean is not None and norm.running_var is not None
        assert self.scale is not None and self.respond.bias is not None
        factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        single = nn.Linear(weight.shape[1], weight.shape[0], device=weight.device, dtype=weight.dtype)
        single.weight.copy_((self.scale * factor)[:, None] * weight)
        offset = norm.bias + factor * (weight @ self.respond.bias - norm.running_mean)
        single.bias.copy_(self.scale * offset)
        return single


@final
@dataclass(frozen=True, slots=True)
class UniRepLKNetDesign:
    """Channels of the first stage, twice as many in each further one; the kernel size of every block."""

    width: int
    kernels: tuple[tuple[int, ...], ...]


_SHORT = ((3,) * 2, (13,) * 2, (13,) * 6, (13,) * 2)
_SPARSE = ((3,) * 3, (13,) * 3, (13, 3, 3) * 9, (13,) * 3)

UNI_REP_LK_NET_A = UniRepLKNetDesign(40, _SHORT)  # 4.4 million parameters merged
UNI_REP_LK_NET_F = replace(UNI_REP_LK_NET_A, width=48)  # 6.2 million
UNI_REP_LK_NET_P = replace(UNI_REP_LK_NET_A, width=64)  # 10.7 million
UNI_REP_LK_NET_N = UniRepLKNetDesign(80, ((3,) * 2, (13,) * 2, (13,) * 8, (13,) * 2))  # 18.3 million
UNI_REP_LK_NET_T = UniRepLKNetDesign(80, ((3,) * 3, (13,) * 3, (13, 3) * 9, (13,) * 3))  # 31.0 million
UNI_REP_LK_NET_S = UniRepLKNetDesign(96, _SPARSE)  # 55.6 million
UNI_REP_LK_NET_B = replace(UNI_REP_LK_NET_S, width=128)  # 98.0 million
UNI_REP_LK_NET_L = replace(UNI_REP_LK_NET_S, width=192)  # 218.5 million
UNI_REP_LK_NET_XL = replace(UNI_REP_LK_NET_S, width=256)  # 386.5 million


@final
class UniRepLKNet(StagedNetwork):
    """Strided convolutions with layer norms, stages of blocks, a linear map of the normed mean.

    Shapes: x (B, in_channels, H, W) -> logits (B, classes).
    """

    def __init__(
        self,
        design: UniRepLKNetDesign = UNI_REP_LK_NET_T,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        drop_path: float = 0.0,
    ) -> None:
        width = design.width
        stages: list[list[nn.Module]] = []
        rates = drop_path_rates(drop_path, [len(kernels) for kernels in design.kernels])
        for kernels, dropped in zip(design.kernels, rates):
            blocks = (UniRepLKNetBlock(width, k, rate) for k, rate in zip(kernels, dropped))
            down = _down(width // 2, width) if stages else _stem(in_channels, width)
            stages.append([*down, *blocks])
            width *= 2
        width //= 2
        head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(width, EPS), nn.Linear(width, classes)
        )
        super().__init__(stages, head)
        narrow_normal_weights(self)

    def reparameterize(self) -> None:
        """Merge every block in place."""
        for block in self._blocks():
            block.reparameterize()

    def _blocks(self) -> Iterable[UniRepLKNetBlock]:
        return (module for module in self.modules() if isinstance(module, UniRepLKNetBlock))


def _down(in_channels: int, channels: int) -> list[nn.Module]:
    return [nn.Conv2d(in_channels, channels, 3, 2, 1), ChannelLayerNorm(channels, EPS)]


def _stem(in_channels: int, channels: int) -> list[nn.Module]:
    half = channels // 2
    return [*_down(in_channels, half), nn.GELU(), *_down(half, channels)]
