"""A kernel for each place of the picture, the same for every picture: how it is run, and what holds it."""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.errors import ShapeError
from circulant.core.operator import require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import convolution_problem, problem_cost
from circulant.engine.local_conv import local_conv
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.trilinear import Slot


def convolve_places(x: Tensor, kernel: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    """x (B, C, H, W), kernel (C k^2, *size), bias (C, *size).

    Examples are laid beside the channels: B of them share each kernel, which is then read once.
    """
    B, C = x.shape[:2]
    k = round((kernel.shape[0] // C) ** 0.5)
    rows = x.transpose(0, 1).reshape(1, C * B, *x.shape[2:])
    y = local_conv(
        rows, kernel.unflatten(0, (1, C, k * k)), (k, k), stride=(stride,) * 2, padding=((k // 2,) * 2,) * 2,
        dilation=(1, 1),
    )  # fmt: skip
    y = y.reshape(C, B, *y.shape[2:]).transpose(0, 1)
    return y if bias is None else y + bias


def require_places(x: Tensor, channels: int, size: Shape, stride: int) -> None:
    require_input(x, channels, (2,))
    left = tuple(-(-n // stride) for n in x.shape[2:])
    if left != size:
        raise ShapeError(
            f"expected x of which stride {stride} leaves {size} places, for which there are kernels, "
            f"got x {tuple(x.shape)}; build the layer with size={left}"
        )


def places_cost(shape: Shape, taps: int, stride: int) -> Cost:
    B, C, H, W = shape
    k = round(taps**0.5)
    window = convolution_problem(
        (1, C * B, H, W), (C * B, 1, k, k), stride=(stride,) * 2, padding=((k // 2,) * 2,) * 2, groups=C * B
    )
    return problem_cost(LocalConvProblem(torch.float32, Slot.OUTPUT, C, window))


def place_layers(affinity: int, hidden: int, out: int, depth: int, size: Shape) -> nn.Sequential:
    """Of affinity maps (1, affinity, *size), numbers for each place (1, out, *size)."""
    layers: list[nn.Module] = []
    for channels in [affinity, *[hidden] * (depth - 1)]:
        conv = nn.Conv2d(channels, hidden, 3, padding=1, bias=False)
        layers += [conv, nn.LayerNorm([hidden, *size]), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(hidden, out, 3, padding=1, bias=False))


@final
class FrozenTranslationVariantConv2d(nn.Module):
    """The layer with its kernels (C k^2, *size) and biases (C, *size) as they are, in buffers.

    Shapes: x (B, C, H, W) -> y (B, C, *size).
    """

    kernel: Tensor
    bias: Tensor | None

    def __init__(self, kernel: Tensor, bias: Tensor | None, channels: int, stride: int) -> None:
        super().__init__()
        self.channels, self.stride = channels, stride
        self.register_buffer("kernel", kernel)
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        require_places(x, self.channels, tuple(self.kernel.shape[1:]), self.stride)
        return convolve_places(x, self.kernel, self.bias, self.stride)

    def cost(self, shape: Shape) -> Cost:
        return places_cost(shape, self.kernel.shape[0] // self.channels, self.stride)

    def extra_repr(self) -> str:
        return f"{self.channels}, size={tuple(self.kernel.shape[1:])}, stride={self.stride}"
