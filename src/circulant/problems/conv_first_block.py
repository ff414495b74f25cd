r"""A residual block that convolves first: grouped convolution, 1 x 1 expansion, activation, 1 x 1 projection.

    h = w_1 * x + b_1,   e = activation(W_2 h + b_2),   y = x + W_3 e + b_3

with zeros outside x and w_1 in groups, W_2 and W_3 mixing the channels of each position.
Shapes: x (B, C, H, W), w_1 (C, C / groups, K, K), b_1 (C), W_2 (E, C, 1, 1), b_2 (E),
W_3 (C, E, 1, 1), b_3 (C), y (B, C, H, W); K is odd.
"""

from dataclasses import dataclass
from enum import Enum
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.sizes import Shape, product
from circulant.problems.problem import Problem, dtype_text, shape_text


class BlockActivation(Enum):
    RELU = "relu"
    RELU6 = "relu6"
    SILU = "silu"


@final
@dataclass(frozen=True, slots=True)
class ConvFirstBlockProblem(Problem):
    activation: BlockActivation
    batch: int
    channels: int
    spatial: Shape
    kernel: int
    groups: int
    expanded: int

    @property
    def input_shape(self) -> Shape:
        return (self.batch, self.channels, *self.spatial)

    @property
    def weight_shapes(self) -> tuple[Shape, ...]:
        """w_1, b_1, W_2, b_2, W_3, b_3."""
        C, E = self.channels, self.expanded
        kernel = (C, C // self.groups, self.kernel, self.kernel)
        return kernel, (C,), (E, C, 1, 1), (E,), (C, E, 1, 1), (C,)

    @property
    def operand_shapes(self) -> tuple[Shape, ...]:
        return self.input_shape, *self.weight_shapes

    @property
    def result_shape(self) -> Shape:
        return self.input_shape

    @property
    def flop(self) -> float:
        per_position = sum(product(shape) for shape in self.weight_shapes if len(shape) == 4)
        return 2.0 * self.batch * product(self.spatial) * per_position

    def __str__(self) -> str:
        return (
            f"residual block of {shape_text(self.input_shape)}, {self.kernel}x{self.kernel} taps in "
            f"{self.groups} groups, expanded to {self.expanded} channels, {self.activation.value}, "
            f"{dtype_text(self.dtype)}"
        )


def reference(problem: ConvFirstBlockProblem, x: Tensor, *weights: Tensor) -> Tensor:
    """The equations above, tap by tap."""
    w1, b1, w2, b2, w3, b3 = weights
    p, (H, W) = problem, problem.spatial
    side, per_group = p.kernel // 2, p.channels // p.groups
    padded = F.pad(x, (side,) * 4)
    h = b1[:, None, None].expand(p.input_shape).clone()
    for o in range(p.channels):
        first = o // per_group * per_group
        for i in range(p.kernel):
            for j in range(p.kernel):
                window = padded[:, first : first + per_group, i : i + H, j : j + W]
                h[:, o] += (w1[o, :, i, j, None, None] * window).sum(1)
    z = torch.einsum("ec,bchw->behw", w2[:, :, 0, 0], h) + b2[:, None, None]
    if p.activation is BlockActivation.SILU:
        e = z / (1 + torch.exp(-z))
    else:
        e = z.clamp(min=0, max=6 if p.activation is BlockActivation.RELU6 else None)
    return x + torch.einsum("ce,behw->bchw", w3[:, :, 0, 0], e) + b3[:, None, None]
