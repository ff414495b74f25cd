"""The focus of large-small convolution: kernels of single positions, shared by interleaved channels."""

from math import isqrt

from torch import Tensor

from circulant.core.errors import ShapeError
from circulant.engine.local_conv import local_conv


def small_kernel_aggregation(x: Tensor, weight: Tensor) -> Tensor:
    """y[b, c, p] = sum_q weight[b, c mod S, q, p] x[b, c, p + q - K // 2], zeros outside x.

    Shapes: x (B, C, H, W), weight (B, S, K^2, H, W) -> y (B, C, H, W); S divides C.
    """
    if weight.ndim != 5 or weight.shape[1] < 1 or x.shape[1] % weight.shape[1]:
        raise ShapeError(
            f"expected weight (B, S, K^2, H, W) with S a divisor of C = {x.shape[1]}, "
            f"got {tuple(weight.shape)}"
        )
    kernels, size = weight.shape[1], isqrt(weight.shape[2])
    if size**2 != weight.shape[2] or size % 2 == 0:
        raise ShapeError(f"expected the square of an odd number of taps, got weight {tuple(weight.shape)}")
    sharing = x.unflatten(1, (-1, kernels)).transpose(1, 2).flatten(1, 2)
    y = local_conv(
        sharing, weight, (size, size), stride=(1, 1), padding=((size // 2,) * 2,) * 2, dilation=(1, 1)
    )
    return y.unflatten(1, (kernels, -1)).transpose(1, 2).flatten(1, 2)
