"""How far apart the taps of a convolution lie, and what they weigh, from the features there."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError

FIRST_EXCESS = 1e-4  # keeps |o| off its kink where the first dilation is 1


@final
@dataclass(frozen=True, slots=True)
class SpreadTaps:
    """spacing (B, G, *out), mask (B, G, taps, *out), offset (B, G, taps, 2, *out) from taps 1 apart."""

    spacing: Tensor
    offset: Tensor
    mask: Tensor


def require_border(padding: int | str, padding_mode: str, kept: int) -> None:
    """Raise unless the padding keeps the grid and the border is replicated."""
    if padding not in ("same", kept) or padding_mode != "replicate":
        raise ArgumentError(
            f"expected padding 'same' or {kept} in padding_mode 'replicate', got {padding!r} in "
            f"{padding_mode!r}; the border is always replicated"
        )


@final
class AdaptiveDilation(nn.Module):
    """One convolution tells o and the logits of the mask; the spacing is 1 + dilation |o|."""

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        stride: int,
        dilation: int,
        offset_groups: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0 or dilation < 1:
            raise ArgumentError(
                f"expected an odd kernel_size and a dilation of 1 or more, got {kernel_size} and {dilation}"
            )
        if offset_groups < 1 or channels % offset_groups:
            raise ArgumentError(
                f"expected offset_groups to divide in_channels = {channels}, got {offset_groups}"
            )
        self.dilation, self.offset_groups, self.reach = dilation, offset_groups, kernel_size // 2
        rows = offset_groups * (1 + kernel_size**2)
        self.conv = nn.Conv2d(channels, rows, kernel_size, stride, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """A spacing of `dilation` everywhere, and a mask of 1/2."""
        nn.init.zeros_(self.conv.weight)
        if self.conv.bias is not None:
            nn.init.zeros_(self.conv.bias)
            first = (self.dilation - 1) / self.dilation + FIRST_EXCESS
            nn.init.constant_(self.conv.bias[: self.offset_groups], first)

    def forward(self, x: Tensor) -> SpreadTaps:
        """x (B, C, H, W), with its border."""
        rows, G = self.conv(x), self.offset_groups
        spread = self.dilation * rows[:, :G].abs()
        steps = torch.arange(-self.reach, self.reach + 1, device=x.device)
        taps = torch.cartesian_prod(steps, steps)[..., None, None].to(spread.dtype)
        mask = rows[:, G:].sigmoid().unflatten(1, (G, -1))
        return SpreadTaps(1 + spread, spread[:, :, None, None] * taps, mask)
