"""The training form of a large depthwise kernel: parallel dilated branches that merge into one kernel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, final

import torch
from torch import Tensor, nn

from circulant.core.cost import ZERO_COST, Cost
from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape, effective_kernel
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d
from circulant.operators.spatial.folded_norm import with_norm


@dataclass(frozen=True, slots=True)
class DilatedBranch:
    """One parallel convolution: taps along each axis, and the distance between them."""

    kernel_size: int
    dilation: int

    def fits(self, kernel_size: int) -> bool:
        """Whether its taps lie on the taps of a centred kernel of that odd size."""
        is_odd = self.kernel_size >= 1 and self.kernel_size % 2 == 1 and self.dilation >= 1
        return is_odd and effective_kernel(self.kernel_size, self.dilation) <= kernel_size


def _branches(sizes: Shape, dilations: Shape) -> tuple[DilatedBranch, ...]:
    return tuple(DilatedBranch(size, dilation) for size, dilation in zip(sizes, dilations, strict=True))


# beside the full kernel, as published for UniRepLKNet
BRANCHES = {
    5: _branches((3, 3), (1, 2)),
    7: _branches((5, 3, 3), (1, 2, 3)),
    9: _branches((5, 5, 3, 3), (1, 2, 3, 4)),
    11: _branches((5, 5, 3, 3, 3), (1, 2, 3, 4, 5)),
    13: _branches((5, 7, 3, 3, 3), (1, 2, 3, 4, 5)),
    15: _branches((5, 7, 3, 3, 3), (1, 2, 3, 5, 7)),
    17: _branches((5, 9, 3, 3, 3), (1, 2, 4, 5, 7)),
}
LARGEST_LISTED = max(BRANCHES)


def default_branches(kernel_size: int) -> tuple[DilatedBranch, ...]:
    """The table's, a single 5x5 above it as in RepLKNet, none below it."""
    if kernel_size > LARGEST_LISTED:
        return (DilatedBranch(5, 1),)
    return BRANCHES.get(kernel_size, ())


@final
class DilatedReparamBlock(nn.Module):
    """y = BN(w * x) + sum_i BN_i(w_i *_{d_i} x), all depthwise, each with a batch norm of its own.

    Shapes: x (B, C, H, W) -> y (B, C, H, W). There is no identity branch.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        branches: Sequence[DilatedBranch] | None = None,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ArgumentError(f"expected an odd kernel_size of 1 or more, got {kernel_size}")
        chosen = default_branches(kernel_size) if branches is None else tuple(branches)
        for branch in chosen:
            if not branch.fits(kernel_size):
                raise ArgumentError(f"expected odd branches within {kernel_size} samples, got {branch}")
        self.branches = (DilatedBranch(kernel_size, 1), *chosen)
        self.convs = nn.ModuleList()
        self.norms = nn.ModuleList()
        for branch in self.branches:
            kernel = (branch.kernel_size,) * 2
            conv = DepthwiseConv2d(
                channels, kernel, dilation=branch.dilation, bias=False, device=device, dtype=dtype
            )
            self.convs.append(conv)
            self.norms.append(nn.BatchNorm2d(channels, device=device, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norms[0](self.convs[0](x))
        for conv, norm in zip(self.convs[1:], self.norms[1:]):
            y = y + norm(conv(x))
        return y

    def merged(self) -> DepthwiseConv2d:
        """One convolution that equals this block in evaluation mode."""
        full = self._convs()[0]
        weight = full.weight
        single = DepthwiseConv2d(full.channels, full.kernel, device=weight.device, dtype=weight.dtype)
        for parameter in single.parameters():
            nn.init.zeros_(parameter)
        for branch, conv, norm in zip(self.branches, self._convs(), self.norms):
            _add(single, branch, with_norm(conv, cast(nn.BatchNorm2d, norm)))
        return single

    def cost(self, shape: Shape) -> Cost:
        return sum((conv.cost(shape) for conv in self._convs()), start=ZERO_COST)

    def _convs(self) -> list[DepthwiseConv2d]:
        return [cast(DepthwiseConv2d, conv) for conv in self.convs]


@torch.no_grad()
def _add(single: DepthwiseConv2d, branch: DilatedBranch, conv: DepthwiseConv2d) -> None:
    """Put the taps of a branch, dilation apart, around the middle of the kernel."""
    reach = effective_kernel(branch.kernel_size, branch.dilation)
    start = (single.kernel[0] - reach) // 2
    taps = slice(start, start + reach, branch.dilation)
    single.weight[:, :, taps, taps].add_(conv.weight)
    assert single.bias is not None and conv.bias is not None
    single.bias.add_(conv.bias)
