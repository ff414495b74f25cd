r"""The norm behind a linear memory, which has no normaliser of its own.

    y = weight x / sqrt(mean(x^2) + eps), times silu(gate) where a gate is given

over the last axis: of one head where x is (B, H, L, D), of all heads where it is (B, L, C).
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-5


@final
class GatedNorm(nn.Module):
    def __init__(
        self, width: int, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width, device=device, dtype=dtype))

    def forward(self, x: Tensor, gate: Tensor | None = None) -> Tensor:
        """In the dtype of the weight, whatever the memory was computed in."""
        normed = F.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), EPS).to(self.weight.dtype)
        return normed if gate is None else normed * F.silu(gate)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[0]}"
