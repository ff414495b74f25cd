r"""A residual block that convolves first, for inference in one pass over tiles that fit the cache.

    y = x + W_3 activation(W_2 (w_1 * x + b_1) + b_2) + b_3

w_1 is a K x K kernel in groups of group_width channels, padded with zeros; W_2 expands the C channels of
each position to E = expansion C, W_3 projects them back. Shapes: x (B, C, H, W) -> y (B, C, H, W).

There is no activation between w_1 and W_2. Each convolution of the paper's block is followed by a batch
norm, which at inference is part of its weight and bias: `from_layers` folds them. With gradients the
layers run one by one, as they do where that is predicted to be faster.
"""

from math import gcd
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.conv_first_block import BlockWeights, conv_first_block
from circulant.engine.costs import convolution_problem, pointwise_cost, problem_cost
from circulant.problems.conv_first_block import BlockActivation

EXPORTS = ("BlockActivation",)


def reference(x: Tensor, state: dict[str, Tensor], activation: str = "silu") -> Tensor:
    B, C, H, W = x.shape
    weight = state["conv.weight"]
    width, K = weight.shape[1], weight.shape[-1]
    padded = F.pad(x, (K // 2,) * 4)
    positions = []
    for i in range(H):
        for j in range(W):
            window = padded[:, :, i : i + K, j : j + K]
            h = torch.stack(
                [
                    (weight[c] * window[:, c // width * width : (c // width + 1) * width]).sum((1, 2, 3))
                    for c in range(C)
                ],
                dim=1,
            )
            z = (h + state["conv.bias"]) @ state["expand.weight"][:, :, 0, 0].T + state["expand.bias"]
            if activation == "silu":
                e = z / (1 + torch.exp(-z))
            else:
                e = torch.clamp(z, 0, 6 if activation == "relu6" else torch.inf)
            positions.append(e @ state["project.weight"][:, :, 0, 0].T + state["project.bias"])
    return x + torch.stack(positions, dim=-1).reshape(B, C, H, W)


@final
class FusedConvFirstBlock(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        kernel_size: int = 3,
        expansion: int = 4,
        group_width: int = 8,
        *,
        activation: BlockActivation = BlockActivation.SILU,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ArgumentError(f"expected an odd kernel_size of 1 or more, got {kernel_size}")
        if min(expansion, group_width) < 1 or channels % group_width:
            raise ArgumentError(
                f"expected expansion of 1 or more and group_width a divisor of channels = {channels}, "
                f"got {expansion} and {group_width}"
            )
        self.channels, self.kernel_size, self.activation = channels, kernel_size, activation
        kind: dict[str, Any] = {"device": device, "dtype": dtype}
        self.conv = nn.Conv2d(
            channels, channels, kernel_size, padding=kernel_size // 2, groups=channels // group_width, **kind
        )
        self.expand = nn.Conv2d(channels, expansion * channels, 1, **kind)
        self.project = nn.Conv2d(expansion * channels, channels, 1, **kind)

    @classmethod
    def from_layers(
        cls,
        conv: nn.Conv2d,
        conv_norm: nn.BatchNorm2d,
        expand: nn.Conv2d,
        expand_norm: nn.BatchNorm2d,
        project: nn.Conv2d,
        project_norm: nn.BatchNorm2d,
        *,
        activation: BlockActivation = BlockActivation.SILU,
    ) -> "FusedConvFirstBlock":
        """The block of these layers in eval mode, their norms folded into the kernels."""
        C = conv.in_channels
        block = cls(
            C, conv.kernel_size[0], expand.out_channels // C, C // conv.groups, activation=activation,
            device=conv.weight.device, dtype=conv.weight.dtype,
        )  # fmt: skip
        pairs = ((conv, conv_norm), (expand, expand_norm), (project, project_norm))
        for own, (layer, norm) in zip((block.conv, block.expand, block.project), pairs):
            own.load_state_dict(fuse_conv_bn_eval(layer.eval(), norm.eval()).state_dict())
        return block

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        layers = (self.conv, self.expand, self.project)
        parts = [getattr(layer, name) for layer in layers for name in ("weight", "bias")]
        return conv_first_block(x, BlockWeights(*parts), self.activation)

    def cost(self, shape: Shape) -> Cost:
        side = self.kernel_size // 2
        conv = convolution_problem(
            shape, tuple(self.conv.weight.shape), padding=((side, side),) * 2, groups=self.conv.groups
        )
        E = self.expand.out_channels
        pointwise = pointwise_cost(shape, E) + pointwise_cost((shape[0], E, *shape[2:]), self.channels)
        return problem_cost(conv) + pointwise

    def extra_repr(self) -> str:
        return f"{self.channels}, kernel_size={self.kernel_size}, activation={self.activation.value!r}"


def _mixer(channels: int, spatial: Shape) -> FusedConvFirstBlock:
    return FusedConvFirstBlock(channels, group_width=gcd(channels, 8))


CARD = Card(
    operators=(FusedConvFirstBlock,),
    reference=reference,
    papers=(
        Paper(
            "Lavin",
            2024,
            "On the Efficiency of Convolutional Neural Networks",
            "https://arxiv.org/abs/2404.03617",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 4, 3, 4), lambda: FusedConvFirstBlock(4, 3, 2, 2)),
        Case(
            (1, 3, 4, 3),
            lambda: FusedConvFirstBlock(3, 5, 1, 1, activation=BlockActivation.RELU),
            {"activation": "relu"},
        ),
        Case(
            (1, 2, 2, 5),
            lambda: FusedConvFirstBlock(2, 1, 3, 2, activation=BlockActivation.RELU6),
            {"activation": "relu6"},
        ),
    ),
    refuses=(
        BadInput((2, 9, 4, 4), lambda: FusedConvFirstBlock(8), says="C = 8"),
        BadInput((8, 4, 4), lambda: FusedConvFirstBlock(8), says="(B, C, H, W)"),
        BadInput((2, 6, 4, 4), lambda: FusedConvFirstBlock(6), says="group_width"),
        BadInput((2, 8, 4, 4), lambda: FusedConvFirstBlock(8, 4), says="odd kernel_size"),
    ),
    mixer=_mixer,
)
