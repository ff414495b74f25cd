"""modReLU: a threshold on the magnitude of complex values, which keeps their phase."""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.pairs import magnitude
from circulant.core.sizes import Shape


def mod_relu(z: Tensor, bias: Tensor) -> Tensor:
    """max(|z| + bias, 0) z / |z| for pairs z (..., 2) and a bias that broadcasts to (..., 1); 0 at z = 0."""
    size = magnitude(z)
    return z * ((size + bias).relu() / size)


@final
class ModReLU(nn.Module):
    """`mod_relu` with a learnt bias that starts at zero, where it is the identity."""

    def __init__(
        self, *shape: int, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.shape: Shape = shape
        self.bias = nn.Parameter(torch.empty(*shape, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.bias)

    def forward(self, z: Tensor) -> Tensor:
        """Pairs z (..., *shape, 2) -> the same."""
        return mod_relu(z, self.bias[..., None].to(z.dtype))

    def extra_repr(self) -> str:
        return ", ".join(map(str, self.shape))
