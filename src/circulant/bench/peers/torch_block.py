"""A residual block that convolves first, layer by layer."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.case import Function
from circulant.core.sizes import Shape


def conv_first_block(shape: Shape) -> Function:
    """Each layer on the whole tensor before the next."""
    _, channels, _, group_width, _ = shape

    def layered(
        x: Tensor, kernel: Tensor, kernel_bias: Tensor, expand: Tensor, expand_bias: Tensor, project: Tensor,
        project_bias: Tensor,
    ) -> Tensor:  # fmt: skip
        h = F.conv2d(x, kernel, kernel_bias, padding=1, groups=channels // group_width)
        e = F.silu(F.conv2d(h, expand, expand_bias))
        return x + F.conv2d(e, project, project_bias)

    return layered
