"""Where the taps of a deformable convolution read, told by a convolution and held within bounds."""

from enum import Enum
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError


class OffsetForm(Enum):
    """What a tap may do."""

    FREE = "free"
    BOUND = "bound"
    SQUARE = "square"


@final
class TapPlaces(nn.Module):
    """From where each output stands to where its taps read, vertical and then horizontal, in samples.

    They start on a centred grid, `dilation` apart. Shapes: z (B, C, H, W) -> (B, K^2, 2, H_out, W_out).
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        stride: int,
        dilation: int,
        margin: int,
        *,
        form: OffsetForm,
        size: int,
        bound: int,
        rounded: bool,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """margin: samples beyond z at which windows have their middle; size: taps of the layer per axis."""
        super().__init__()
        if kernel_size % 2 == 0 or min(kernel_size, stride, dilation, bound) < 1 or margin < 0:
            padding = margin + dilation * (kernel_size // 2)
            raise ArgumentError(
                "expected an odd kernel_size, stride, dilation and bound of 1 or more and a padding of "
                "dilation * (kernel_size // 2) or more, so that windows' middles reach the border, got "
                f"{kernel_size}, {stride}, {dilation}, {bound} and {padding}"
            )
        self.kernel_size, self.dilation, self.bound = kernel_size, dilation, bound
        self.form, self.rounded = form, rounded
        numbers = 1 if form is OffsetForm.SQUARE else 2 * kernel_size**2
        self.layer = nn.Conv2d(
            channels, numbers, size, stride, size // 2 + margin, device=device, dtype=dtype
        )
        nn.init.zeros_(self.layer.weight)
        if self.layer.bias is not None:
            nn.init.zeros_(self.layer.bias)

    def forward(self, z: Tensor) -> Tensor:
        told: Tensor = self.layer(z)
        steps = torch.arange(self.kernel_size, device=z.device) - self.kernel_size // 2
        grid = torch.cartesian_prod(steps, steps)[..., None, None].to(told.dtype)
        if self.form is OffsetForm.SQUARE:
            moved = told.clamp(0, self.bound)[:, :, None] * grid
        else:
            free = told.unflatten(1, (-1, 2))
            moved = free.clamp(-self.bound, self.bound) if self.form is OffsetForm.BOUND else free
        if self.rounded:
            whole = moved.round()
            moved = moved + (whole - moved).detach() if self.training else whole
        return moved + self.dilation * grid
