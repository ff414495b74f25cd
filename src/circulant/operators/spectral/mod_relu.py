"""modReLU: a threshold on the magnitude of complex values, which keeps their phase."""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.sizes import Shape
from circulant.operators.spectral.complex_view import modulus, scaled


def mod_relu(z: Tensor, bias: Tensor) -> Tensor:
    """max(|z| + bias, 0) z / |z| for pairs z (..., 2) and a bias that broadcasts to (..., 1); 0 at z = 0."""
    return scaled(z, kept_share(modulus(z)[..., None], bias)[..., 0])


def kept_share(size: Tensor, bias: Tensor) -> Tensor:
    """max(size + bias, 0) / size, by which modReLU scales values of that size; where size is 0, as for 1."""
    safe = F.threshold(size, 0.0, 1.0)
    return (safe + bias).relu() / safe


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
