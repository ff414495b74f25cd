"""The view of large-small convolution: small kernels made from a wide neighbourhood."""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import settings_of
from circulant.engine.costs import pointwise_cost


@final
class LargeKernelPerception(nn.Module):
    """norm(span(relu(BN mix(BN look(relu(BN reduce x)))))): a kernel for each position and group.

    reduce halves the channels, look is depthwise with `perceived` taps along each axis, mix and span see
    one position each; norm is a group norm over the kernel_size^2 taps of a kernel and all positions.
    Shapes: x (B, C, H, W) -> (B, kernels, kernel_size^2, H, W).
    """

    def __init__(
        self,
        channels: int,
        kernels: int,
        kernel_size: int = 3,
        perceived: int = 7,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        hidden, self.kernels = channels // 2, kernels

        def conv(inputs: int, outputs: int, size: int = 1, groups: int = 1, bias: bool = False) -> nn.Conv2d:
            return nn.Conv2d(
                inputs, outputs, size, padding=size // 2, groups=groups, bias=bias, device=device, dtype=dtype
            )

        def norm() -> nn.BatchNorm2d:
            return nn.BatchNorm2d(hidden, device=device, dtype=dtype)

        self.reduce, self.reduce_norm = conv(channels, hidden), norm()
        self.look, self.look_norm = conv(hidden, hidden, perceived, hidden), norm()
        self.mix, self.mix_norm = conv(hidden, hidden), norm()
        self.span = conv(hidden, kernels * kernel_size**2, bias=True)
        self.norm = nn.GroupNorm(kernels, kernels * kernel_size**2, device=device, dtype=dtype)
        self.settings = settings_of(self.look)

    def logits(self, x: Tensor) -> Tensor:
        """The kernels before their norm (B, kernels kernel_size^2, H, W): those see their window alone."""
        reduced = self.reduce_norm(self.reduce(x)).relu()
        seen = self.look_norm(self.settings.convolve(reduced, self.look.weight, None))
        made: Tensor = self.span(self.mix_norm(self.mix(seen)).relu())
        return made

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.norm(self.logits(x))
        return made.unflatten(1, (self.kernels, -1))

    def cost(self, shape: Shape) -> Cost:
        hidden = self.reduce.out_channels
        inside = (shape[0], hidden, *shape[2:])
        work = pointwise_cost(shape, hidden) + self.settings.cost(inside) + pointwise_cost(inside, hidden)
        return work + pointwise_cost(inside, self.span.out_channels)
