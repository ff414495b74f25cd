r"""Single intra-channel convolution: a depthwise kernel, a mix of channels, and the input again.

    y = relu(x + W (w * x + a) + b)     where shapes allow it, else y = relu(W (w * x + a) + b)

w is a depthwise K x K kernel, padded with zeros, with the stride; W mixes the channels of each position.
`layers` of them in a row take the place of one dense convolution; the first has the stride and changes
the number of channels. Shapes: x (B, I, H, W) -> y (B, O, H_out, W_out), H_out = ceil(H / stride);
w (I, 1, K, K), W (O, I, 1, 1).

The residual keeps what the depthwise kernels would blur. There is no activation between w and W.
"""

from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import ZERO_COST, Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import conv_settings
from circulant.engine.costs import pointwise_cost


def reference(x: Tensor, state: dict[str, Tensor], layers: int = 1, stride: int = 1) -> Tensor:
    for number in range(layers):
        weight, bias = state[f"stack.{number}.weight"], state[f"stack.{number}.bias"]
        mix, offset = state[f"stack.{number}.mix.weight"], state[f"stack.{number}.mix.bias"]
        step, K = stride if number == 0 else 1, weight.shape[-1]
        B, C, H, W = x.shape
        rows = []
        for h in range(0, H, step):
            for w in range(0, W, step):
                seen = bias.expand(B, C)
                for i in range(K):
                    for j in range(K):
                        u, v = h + i - K // 2, w + j - K // 2
                        if 0 <= u < H and 0 <= v < W:
                            seen = seen + weight[:, 0, i, j] * x[:, :, u, v]
                rows.append(seen @ mix[:, :, 0, 0].T + offset)
        y = torch.stack(rows, -1).reshape(B, -1, -(-H // step), -(-W // step))
        x = (x + y if y.shape[1] == C and step == 1 else y).clamp(min=0)
    return x


@final
class IntraChannelLayer(nn.Module):
    """One of the row.  Shapes: x (B, I, H, W) -> y (B, O, H_out, W_out)."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int, **kind: Any
    ) -> None:
        super().__init__()
        self.settings = conv_settings(
            2, in_channels, in_channels, kernel_size, stride, kernel_size // 2, groups=in_channels
        )
        self.is_residual = stride == 1 and in_channels == out_channels
        self.weight = nn.Parameter(torch.empty(self.settings.weight_shape, **kind))
        self.bias = nn.Parameter(torch.empty(in_channels, **kind))
        self.mix = nn.Conv2d(in_channels, out_channels, 1, **kind)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As torch.nn.Conv2d: uniform within 1 / sqrt(inputs of an output)."""
        bound = 1 / self.settings.kernel[0]
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)
        self.mix.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        y = self.mix(self.settings.convolve(x, self.weight, self.bias))
        return torch.relu(x + y if self.is_residual else y)

    def output_shape(self, shape: Shape) -> Shape:
        step = self.settings.stride[0]
        return (shape[0], self.mix.out_channels, *(-(-size // step) for size in shape[2:]))

    def cost(self, shape: Shape) -> Cost:
        seen = (shape[0], shape[1], *self.output_shape(shape)[2:])
        return self.settings.cost(shape) + pointwise_cost(seen, self.mix.out_channels)


@final
class SingleIntraChannelConv2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        *,
        layers: int = 1,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0 or layers < 1:
            raise ArgumentError(
                f"expected an odd kernel_size and layers of 1 or more, got {kernel_size} and {layers}"
            )
        self.in_channels = in_channels
        widths, steps = (in_channels, *(out_channels,) * layers), (stride, *(1,) * (layers - 1))
        self.stack = nn.ModuleList(
            IntraChannelLayer(ins, outs, kernel_size, step, device=device, dtype=dtype)
            for ins, outs, step in zip(widths, widths[1:], steps)
        )

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.in_channels, self.ndims)
        for layer in self.stack:
            x = layer(x)
        return x

    def cost(self, shape: Shape) -> Cost:
        total = ZERO_COST
        for layer in self.stack:
            assert isinstance(layer, IntraChannelLayer)
            total, shape = total + layer.cost(shape), layer.output_shape(shape)
        return total


def _mixer(channels: int, spatial: Shape) -> SingleIntraChannelConv2d:
    return SingleIntraChannelConv2d(channels, channels)


CARD = Card(
    operators=(SingleIntraChannelConv2d,),
    reference=reference,
    papers=(
        Paper(
            "Wang, Liu and Foroosh",
            2016,
            "Design of Efficient Convolutional Layers using Single Intra-channel Convolution, Topological "
            'Subdivisioning and Spatial "Bottleneck" Structure',
            "https://arxiv.org/abs/1608.04337",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 3, 4, 5), lambda: SingleIntraChannelConv2d(3, 3)),
        Case((1, 2, 5, 4), lambda: SingleIntraChannelConv2d(2, 4, layers=2), {"layers": 2}),
        Case((2, 2, 5, 6), lambda: SingleIntraChannelConv2d(2, 2, 5, 2), {"stride": 2}),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: SingleIntraChannelConv2d(3, 3), says="C = 3"),
        BadInput((3, 8, 8), lambda: SingleIntraChannelConv2d(3, 3), says="(B, C, H, W)"),
        BadInput((2, 3, 8, 8), lambda: SingleIntraChannelConv2d(3, 3, 4), says="odd kernel_size"),
    ),
    mixer=_mixer,
)
