r"""A convolution trained as two, with nothing between them, so that it is one small convolution at all times.

    y = W2 (W1 * x + b1) + b2 + x = W * x + b,
    W[o, i] = sum_p W2[o, p] W1[p, i] + 1[o = i] delta,   b = W2 b1 + b2

W1 (P, I, K, K) widens to many features, W2 (O, P) brings them back, and x is added where the block is
residual. The collapsed form is computed anew at each call, and the gradients reach W1, b1, W2 and b2 through
it: the features between, which are most of the work, never exist, in training either.

After Bhardwaj, Milosavljevic, O'Neil, Gope, Matas, Chalfin, Suda, Meng and Loh (2021), Collapsible Linear
Blocks for Super-Efficient Super Resolution, https://arxiv.org/abs/2103.09404. The published code passes an
impulse through both convolutions to collapse them, which is more work than the product above and adds b1
into every tap; here biases end in the output's bias.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError


@final
@dataclass(frozen=True, slots=True, eq=False)
class CollapsedKernel:
    """weight (O, I, K, K), and bias (O), of the one convolution."""

    weight: Tensor
    bias: Tensor


@final
class CollapsibleLinearBlock2d(nn.Module):
    """Shapes: x (B, I, H, W) -> y (B, O, H, W).

    features: P. expanded: run the two convolutions one after the other, to the same result.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        *,
        features: int = 256,
        residual: bool = False,
        expanded: bool = False,
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ArgumentError(f"expected an odd kernel_size, so that it has a centre, got {kernel_size}")
        if residual and in_channels != out_channels:
            raise ArgumentError(
                f"expected as many channels out as in where x is added, got {in_channels} and "
                f"{out_channels}; leave residual=False"
            )
        self.widen = nn.Conv2d(in_channels, features, kernel_size, padding=kernel_size // 2)
        self.narrow = nn.Conv2d(features, out_channels, 1)
        self.residual, self.expanded = residual, expanded
        for conv in (self.widen, self.narrow):
            nn.init.xavier_uniform_(conv.weight)
            assert conv.bias is not None
            nn.init.zeros_(conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        if not self.expanded:
            kernel = self.collapsed_kernel()
            return nn.functional.conv2d(x, kernel.weight, kernel.bias, padding="same")
        y: Tensor = self.narrow(self.widen(x))
        return y + x if self.residual else y

    def collapsed_kernel(self) -> CollapsedKernel:
        """With gradients to the parameters."""
        narrow, shift = self.narrow.weight.flatten(1), self.narrow.bias
        assert shift is not None and self.widen.bias is not None
        weight = torch.tensordot(narrow, self.widen.weight, 1)
        if self.residual:
            weight = weight + nn.init.dirac_(torch.empty_like(weight))
        return CollapsedKernel(weight, torch.addmv(shift, narrow, self.widen.bias))

    def extra_repr(self) -> str:
        return f"residual={self.residual}, expanded={self.expanded}"
