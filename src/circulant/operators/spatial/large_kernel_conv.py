r"""Large depthwise kernel, trained together with small dilated ones and merged into one afterwards.

    y = BN_0(w_0 * x) + sum_i BN_i(w_i *_{d_i} x)    while training; * is depthwise, zero padded
    y = w * x + b                                    after `fuse` or `reparameterize`

w_i *_{d_i} x is a convolution whose taps are d_i samples apart: its taps all lie on taps of the large
kernel, and a batch norm in evaluation mode is a scale and a shift, so that merging is exact.
Shapes: x (B, C, H, W) -> y (B, C, H, W).

Sizes and dilations of the branches default to the published ones for K = 5 to 17 and, above, to the
single 5x5 kernel of RepLKNet. In training mode the batch norms see all examples together.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d
from circulant.operators.spatial.dilated_reparam_block import DilatedBranch, DilatedReparamBlock

EXPORTS = (DilatedBranch, DilatedReparamBlock)

MIXER_KERNELS = (13, 7)  # the larger one that fits the picture


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    dilations: tuple[int, ...] = (1,),
    training: bool = False,
    eps: float = 1e-5,
) -> Tensor:
    if "body.bias" in state:
        return _correlate(x, state["body.weight"], 1) + state["body.bias"][:, None, None]
    y = torch.zeros_like(x)
    for i, dilation in enumerate(dilations):
        z = _correlate(x, state[f"body.convs.{i}.weight"], dilation)
        mean, variance = state[f"body.norms.{i}.running_mean"], state[f"body.norms.{i}.running_var"]
        if training:
            mean = z.mean((0, 2, 3))
            variance = ((z - mean[:, None, None]) ** 2).mean((0, 2, 3))
        scale = state[f"body.norms.{i}.weight"] / torch.sqrt(variance + eps)
        shift = state[f"body.norms.{i}.bias"] - scale * mean
        y = y + scale[:, None, None] * z + shift[:, None, None]
    return y


def _correlate(x: Tensor, weight: Tensor, dilation: int) -> Tensor:
    """Each channel with its own kernel, tap by tap; samples outside x are zero."""
    H, W = x.shape[2:]
    K = weight.shape[-1]
    y = torch.zeros_like(x)
    for i in range(K):
        for j in range(K):
            down, right = dilation * (i - K // 2), dilation * (j - K // 2)
            shifted = torch.zeros_like(x)
            for row in range(max(-down, 0), min(H - down, H)):
                for column in range(max(-right, 0), min(W - right, W)):
                    shifted[:, :, row, column] = x[:, :, row + down, column + right]
            y = y + weight[:, 0, i, j, None, None] * shifted
    return y


@final
class LargeKernelConv2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        *,
        branches: Sequence[DilatedBranch] | None = None,
        merged: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """merged: built as `fuse` leaves it, to load merged weights into."""
        super().__init__()
        self.channels, self.kernel_size = channels, kernel_size
        self.body: DilatedReparamBlock | DepthwiseConv2d = DilatedReparamBlock(
            channels, kernel_size, branches, device=device, dtype=dtype
        )
        if merged:
            self.reparameterize()

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        y: Tensor = self.body(x)
        return y

    def reparameterize(self) -> None:
        """Merge the branches into one kernel, in place."""
        self.body = self.body.merged().train(self.training)

    def fuse(self) -> "LargeKernelConv2d":
        """A merged copy."""
        copy = deepcopy(self)
        copy.reparameterize()
        return copy

    def to_conv(self) -> nn.Conv2d:
        """torch's own layer with the merged kernel."""
        return self.body.merged().to_conv()

    def cost(self, shape: Shape) -> Cost:
        return self.body.cost(shape)

    def extra_repr(self) -> str:
        return f"{self.channels}, kernel_size={self.kernel_size}"


def _mixer(channels: int, spatial: Shape) -> LargeKernelConv2d:
    largest, smallest = MIXER_KERNELS
    return LargeKernelConv2d(channels, largest if min(spatial) >= largest else smallest)


POINT, WIDE = DilatedBranch(1, 1), DilatedBranch(5, 2)

CARD = Card(
    operators=(LargeKernelConv2d,),
    reference=reference,
    papers=(
        Paper(
            "Zhang, Ding and Yue",
            2024,
            "Scaling Up Your Kernels: Large Kernel Design in ConvNets towards Universal Representations",
            "https://arxiv.org/abs/2410.08049",
        ),
        Paper(
            "Ding, Zhang, Zhou, Han, Ding and Sun",
            2022,
            "Scaling Up Your Kernels to 31x31: Revisiting Large Kernel Design in CNNs",
            "https://arxiv.org/abs/2203.06717",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.DEPTHWISE}),  # in evaluation mode
    cases=(
        Case((2, 2, 5, 4), lambda: LargeKernelConv2d(2, 5), {"dilations": (1, 1, 2)}),
        Case((1, 2, 4, 3), lambda: LargeKernelConv2d(2, 7), {"dilations": (1, 1, 2, 3)}),
        Case((2, 1, 6, 3), lambda: LargeKernelConv2d(1, 3, branches=(POINT,)), {"dilations": (1, 1)}),
        Case((2, 3, 4, 5), lambda: LargeKernelConv2d(3, 5, merged=True)),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: LargeKernelConv2d(3, 7), says="C = 3"),
        BadInput((3, 8, 8), lambda: LargeKernelConv2d(3, 7), says="(B, C, H, W)"),
        BadInput((2, 3, 8, 8), lambda: LargeKernelConv2d(3, 8), says="odd kernel_size"),
        BadInput((2, 3, 8, 8), lambda: LargeKernelConv2d(3, 5, branches=(WIDE,)), says="within 5 samples"),
    ),
    mixer=_mixer,
)
