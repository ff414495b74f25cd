"""Normalizing flows: invertible modules that know by how much they change volumes."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

from torch import Tensor, nn


@final
@dataclass(frozen=True, slots=True)
class Transformed:
    """z, and the logarithm of the Jacobian determinant of each example's map to it, (B,)."""

    z: Tensor
    log_det: Tensor


class Flow(nn.Module, ABC):
    """Abstract. `forward` goes from data to latent values, `inverse` back."""

    @abstractmethod
    def forward(self, x: Tensor) -> Transformed: ...

    @abstractmethod
    def inverse(self, z: Tensor) -> Tensor: ...
