"""How a module is joined to the stream around it."""

from typing import final

import torch
from torch import Tensor, nn


@final
class DropPath(nn.Module):
    """In training each example's branch is left out with probability `rate`, and the rest scaled up."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        kept = torch.rand(x.shape[0], *(1,) * (x.ndim - 1), device=x.device) >= self.rate
        return x * kept.to(x.dtype) / (1 - self.rate)


@final
class Residual(nn.Module):
    """x + scale * branch(norm(x)); post_norm: norm(x + scale * branch(x)).

    scale: what each channel's factor starts at; None for no factor. Shapes: x (B, C, *spatial) -> the same.
    """

    def __init__(
        self,
        branch: nn.Module,
        norm: nn.Module | None = None,
        *,
        post_norm: bool = False,
        channels: int | None = None,
        scale: float | None = None,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.branch = branch
        self.norm = nn.Identity() if norm is None else norm
        self.post_norm = post_norm
        self.drop_path = DropPath(drop_path)
        self.scale = None if scale is None else nn.Parameter(torch.full((channels or 1,), scale))

    def forward(self, x: Tensor) -> Tensor:
        branch = self.branch(x if self.post_norm else self.norm(x))
        if self.scale is not None:
            branch = (branch.movedim(1, -1) * self.scale).movedim(-1, 1)
        y = x + self.drop_path(branch)
        return self.norm(y) if self.post_norm else y
