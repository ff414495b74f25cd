r"""What all kernels of a network are made of: their principal components.

Each kernel w is divided by its largest |tap|, so that large and small kernels count alike, and then written
as

    w = mean + sum_i c_i v_i,    v_i orthonormal, c_1 of the largest variance.

What surprises: components of like shares have no direction of their own, and those of untrained kernels are
all alike; only where the shares differ much is a component a property of the network.

Gavrikov and Keuper, 2022, CNN Filter DB: An Empirical Investigation of Trained Convolutional Filters,
https://arxiv.org/abs/2203.15331.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ShapeError
from circulant.explain.filter_statistics import convolution_weights, kernel_rows
from circulant.report.fragment import standalone
from circulant.report.kernel_row import kernel_row


@final
@dataclass(frozen=True, slots=True)
class FilterBasis:
    """Principal components of kernels of K taps, all float64."""

    size: tuple[int, ...]  # of a kernel
    mean: Tensor  # (K)
    components: Tensor  # (K, K): rows orthonormal, the largest entry of each positive
    explained: Tensor  # (K): share of the variance, descending, sums to 1

    def coefficients(self, rows: Tensor) -> Tensor:
        """Of kernels (n, K) that are scaled as by `scaled_rows` -> (n, K)."""
        return (rows - self.mean) @ self.components.T

    def rebuilt(self, coefficients: Tensor) -> Tensor:
        """Kernels from coefficients: (n, K) -> (n, K)."""
        return coefficients @ self.components + self.mean

    def plot(self) -> str:
        """A stand-alone SVG picture of the components, red above 0 and blue below, with their shares."""
        if len(self.size) > 2:
            raise ShapeError(f"expected kernels along one axis or two to draw, got {self.size}")
        height = self.size[0] if len(self.size) == 2 else 1
        kernels = self.components.reshape(len(self.components), height, -1).numpy()
        labels = [f"{float(share):.1%}" for share in self.explained]
        return standalone(kernel_row(kernels, labels, "share of variance", "Basis of kernels"))


def filter_basis(network: nn.Module, size: tuple[int, ...] = (3, 3)) -> FilterBasis:
    """The basis of all kernels of that size in all convolutions of torch in the network."""
    return basis_of(scaled_rows(network, size), size)


def scaled_rows(network: nn.Module, size: tuple[int, ...] = (3, 3)) -> Tensor:
    """All kernels of that size, largest |tap| 1 -> (n, taps) float64; kernels of zeros stay."""
    rows = torch.cat([kernel_rows(weight).cpu() for _, weight in convolution_weights(network, size)])
    largest = rows.abs().amax(1, keepdim=True)
    return rows / largest.where(largest > 0, torch.ones_like(largest))


def basis_of(rows: Tensor, size: tuple[int, ...]) -> FilterBasis:
    """Principal components of rows (n, taps) with n >= 2; the shares are 0 where all rows are equal."""
    if rows.ndim != 2 or len(rows) < 2:
        raise ShapeError(f"expected two kernels or more, (n, taps), got {tuple(rows.shape)}")
    mean = rows.mean(0)
    _, singular, components = torch.linalg.svd(_square_or_tall(rows - mean), full_matrices=False)
    largest = components.gather(1, components.abs().argmax(1, keepdim=True))
    variance = singular**2
    total = variance.sum()
    explained = variance / total if total > 0 else variance
    return FilterBasis(tuple(size), mean, components * largest.sign(), explained)


def _square_or_tall(rows: Tensor) -> Tensor:
    """With rows of zeros below, so that there are as many components as taps."""
    missing = rows.shape[1] - len(rows)
    return nn.functional.pad(rows, (0, 0, 0, missing)) if missing > 0 else rows
