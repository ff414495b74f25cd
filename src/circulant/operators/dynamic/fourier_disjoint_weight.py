"""A kernel kept as its spectrum, in groups of equal size from low to high frequencies."""

from math import sqrt
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape
from circulant.engine.transform import irfftn, rfftn


@final
class FourierDisjointWeight(nn.Module):
    """W[b] = n irfft2(sum_i pi[b, i] group_i): kernels for shares pi (B, n) -> (B, O, I / groups, KH, KW).

    The kernel's sheet (O KH, I / groups KW) is transformed; its bins, sorted by their distance from the
    constant, are cut into n groups of equal size. Shares 1 / n give the stored kernel. A wave of the first
    column whose mirror image falls into the next group is shared by both.
    """

    group: Tensor

    def __init__(
        self,
        shape: Shape,
        groups: int = 64,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """shape (O, I / groups, KH, KW) of the kernel."""
        super().__init__()
        O, I, KH, KW = shape
        self.shape, self.sheet = shape, (O * KH, I * KW)
        bins = self.sheet[0] * (self.sheet[1] // 2 + 1)
        if groups < 1 or bins % groups:
            raise ArgumentError(f"expected groups that divide the {bins} bins of the kernel, got {groups}")
        self.groups = groups
        kind = {"device": device, "dtype": dtype}
        self.spectrum = nn.Parameter(torch.empty(self.sheet[0], self.sheet[1] // 2 + 1, 2, **kind))  # type: ignore[arg-type]
        self.register_buffer("group", _groups_by_radius(self.sheet, groups, device), persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The spectrum of a kernel as torch.nn.Conv2d starts with."""
        bound = 1 / sqrt(self.shape[1] * self.shape[2] * self.shape[3])
        self.set_kernel(torch.empty(self.shape, device=self.spectrum.device).uniform_(-bound, bound))

    @torch.no_grad()
    def set_kernel(self, weight: Tensor) -> None:
        """Keep this kernel (O, I / groups, KH, KW)."""
        if not weight.is_meta:
            self.spectrum.copy_(rfftn(weight.permute(0, 2, 1, 3).reshape(self.sheet).to(self.spectrum), 2))

    def forward(self, shares: Tensor) -> Tensor:
        O, I, KH, KW = self.shape
        gains = self.groups * shares[:, self.group]  # (B, rows, columns)
        sheets = irfftn(gains[..., None] * self.spectrum, self.sheet)
        return sheets.reshape(-1, O, KH, I, KW).transpose(2, 3)

    def extra_repr(self) -> str:
        return f"{self.shape}, groups={self.groups}"


def _groups_by_radius(sheet: Shape, groups: int, device: torch.device | str | None) -> Tensor:
    """Number of the group of each bin of `rfftn`; of equals the first in the order of rows comes first."""
    R, C = sheet
    rows, columns = torch.arange(R, device=device), torch.arange(C // 2 + 1, device=device)
    rows = torch.minimum(rows, R - rows)
    # (rows / R)^2 + (columns / C)^2 in whole numbers, so that equals are equal
    radius = (rows * C).square()[:, None] + (columns * R).square()
    order = radius.flatten().sort(stable=True).indices
    numbers = torch.arange(order.numel(), device=device) // (order.numel() // groups)
    return torch.empty_like(order).scatter(0, order, numbers).view(radius.shape)
