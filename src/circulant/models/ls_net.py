"""LSNet: a light network for pictures that looks wide and focuses on small windows.

After Wang, Chen, Lin, Han and Ding (2025), LSNet: See Large, Focus Small, https://arxiv.org/abs/2503.23135,
and its published code.
"""

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.models.heads import NormedPoolHead
from circulant.models.inverted_residual import conv_norm
from circulant.models.rep_depthwise import RepDepthwise
from circulant.models.residual import Residual
from circulant.operators.dynamic.ls_conv2d import LSConv2d
from circulant.operators.gates.squeeze_excitation import SqueezeExcitation2d

STAGES, STEM_STRIDE, KEY_CHANNELS = 4, 8, 16


@final
@dataclass(frozen=True, slots=True)
class LSDesign:
    """Channels and blocks of the four stages; heads of the last one's attention."""

    channels: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]
    heads: int = 4


LSNET_T = LSDesign((64, 128, 256, 384), (0, 2, 8, 10))
LSNET_S = LSDesign((96, 192, 320, 448), (1, 2, 8, 10))
LSNET_B = LSDesign((128, 256, 384, 512), (4, 6, 8, 10))


@final
class BiasedAttention(nn.Module):
    """Attention over all positions with a learnt bias for each distance (|down|, |right|) of two of them.

    Queries see their neighbours by a depthwise 3x3. Shapes: x (B, C, H, W) -> y (B, C, H, W), H and W at
    most `side`; a key has KEY_CHANNELS channels, a value C / heads. Starts at zero.
    """

    def __init__(self, channels: int, heads: int, side: int) -> None:
        super().__init__()
        if channels % heads:
            raise ArgumentError(f"expected heads that divide channels = {channels}, got {heads}")
        self.heads, self.side, keys = heads, side, heads * KEY_CHANNELS
        self.project_in = conv_norm(channels, 2 * keys + channels, 1, act=False)
        self.neighbours = conv_norm(keys, keys, 3, groups=keys, act=False)
        self.bias = nn.Parameter(torch.zeros(heads, side, side))
        self.project_out = _silent(conv_norm(channels, channels, 1, act=False))

    def forward(self, x: Tensor) -> Tensor:
        H, W = x.shape[2:]
        if max(H, W) > self.side:
            raise ShapeError(
                f"expected at most {self.side} positions along each axis, got x {tuple(x.shape)}; "
                f"build the network with a larger size"
            )
        keys = self.heads * KEY_CHANNELS
        q, k, v = self.project_in(x).split((keys, keys, x.shape[1]), dim=1)
        q, k, v = (t.flatten(2).unflatten(1, (self.heads, -1)).mT for t in (self.neighbours(q), k, v))
        y = F.scaled_dot_product_attention(q, k, v, self._biases(H, W))
        return self.project_out(y.mT.flatten(1, 2).unflatten(2, (H, W)).relu())

    def _biases(self, H: int, W: int) -> Tensor:
        """(heads, H W, H W)."""
        rows, columns = (torch.arange(n, device=self.bias.device) for n in (H, W))
        down, right = ((axis[:, None] - axis).abs() for axis in (rows, columns))
        table = self.bias[:, down[:, None, :, None], right[None, :, None, :]]
        return table.flatten(3, 4).flatten(1, 2)


def _silent(layer: nn.Sequential) -> nn.Sequential:
    """A convolution and a norm whose output is zero at first."""
    nn.init.zeros_(layer[-1].weight)  # type: ignore[arg-type]
    return layer


def _block(channels: int, mixer: nn.Module) -> nn.Sequential:
    """A mixer that keeps x itself, then x + an MLP of twice the channels."""
    mlp = nn.Sequential(
        conv_norm(channels, 2 * channels, 1, act=False),
        nn.ReLU(),
        _silent(conv_norm(2 * channels, channels, 1, act=False)),
    )
    return nn.Sequential(mixer, Residual(mlp))


@final
class LSNet(nn.Module):
    """Three strided convolutions, four stages with a strided depthwise convolution between, a linear head.

    Blocks of a stage are in turn static (a re-parameterisable depthwise 3x3, then squeeze and excitation) and
    dynamic: large-small convolution, in the last stage attention over all positions.
    Shapes: x (B, C, H, W) -> logits (B, classes), H and W at most `size`.
    """

    def __init__(
        self, design: LSDesign = LSNET_T, classes: int = 1000, in_channels: int = 3, *, size: int = 224
    ) -> None:
        super().__init__()
        first, last = design.channels[0], design.channels[-1]
        layers: list[nn.Module] = [
            conv_norm(in_channels, first // 4, 3, stride=2, act=False),
            nn.ReLU(),
            conv_norm(first // 4, first // 2, 3, stride=2, act=False),
            nn.ReLU(),
            conv_norm(first // 2, first, 3, stride=2, act=False),
        ]
        side = -(-size // (STEM_STRIDE * 2 ** (STAGES - 1)))
        for stage, (width, depth) in enumerate(zip(design.channels, design.depths)):
            if stage > 0:
                before = design.channels[stage - 1]
                layers.append(conv_norm(before, before, 3, stride=2, groups=before, act=False))
                layers.append(conv_norm(before, width, 1, act=False))
            for number in range(depth):
                mixer: nn.Module
                if number % 2 == 0:
                    mixer = nn.Sequential(RepDepthwise(width), SqueezeExcitation2d(width, 4))
                elif stage < STAGES - 1:
                    mixer = LSConv2d(width)
                else:
                    mixer = Residual(BiasedAttention(width, design.heads, side))
                layers.append(_block(width, mixer))
        self.body = nn.Sequential(*layers)
        self.head = NormedPoolHead(nn.BatchNorm1d(last), last, classes)
        nn.init.trunc_normal_(self.head.classify.weight, std=0.02)
        nn.init.zeros_(self.head.classify.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))
