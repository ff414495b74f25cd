r"""Are the kernels of a convolution sparse, alike, or turned the same way? Three numbers for each layer.

A kernel of K taps is a row w of the matrix W (O I/G, K) of all kernels of a layer.

- sparsity: share of kernels with max |w| < 0.01 max |W|, 1 where all are zero;
- variance entropy: -sum_i p_i log10 p_i, with p_i = s_i^2 / sum s^2 of the singular values of W less its
  mean row; from 0, kernels that differ along one direction only, to log10 K, kernels that differ alike in
  all. Of few kernels even random ones reach less: relative to T(n) of n kernels, below 1 is less than random;
- orthogonality: 1 - sum_ij |V V' - I|_ij / (O (O - 1)), V the output channels' kernels as unit vectors; 1
  where no two are alike, 0 where all are, 1 - 1 / (O - 1) of zeros, as a kernel of zeros is not like itself.

What surprises: sparse kernels count as kernels in the entropy, and T(n) was fitted to 3 x 3 kernels.

Gavrikov and Keuper, 2022, CNN Filter DB: An Empirical Investigation of Trained Convolutional Filters,
https://arxiv.org/abs/2203.15331; thresholds as in their package torchconvquality.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, log, log2, nan
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.sizes import product
from circulant.engine.conv_settings import CONVOLUTIONS

NEGLIGIBLE = 0.01  # of the largest tap of the layer
# lowest entropy of n random 3 x 3 kernels, as fitted by Gavrikov and Keuper: a sigmoid in log2 n
HEIGHT, STEEPNESS, MIDDLE, OFFSET = 1.2618047, 0.88767525, 2.30436435, -0.31050834


@final
@dataclass(frozen=True, slots=True)
class LayerFilters:
    """Of one convolution."""

    name: str
    kernels: int
    sparsity: float  # 0 to 1
    entropy: float  # in log10, 0 to log10 of the number of taps
    relative_entropy: float  # of that of random kernels; nan of fewer than 3
    orthogonality: float  # 0 to 1; nan of a single output channel


def filter_statistics(network: nn.Module, size: tuple[int, ...] = (3, 3)) -> tuple[LayerFilters, ...]:
    """Every convolution of torch with kernels of that size, in the order of the network's modules."""
    return tuple(_layer(name, weight) for name, weight in convolution_weights(network, size))


def sparsity(weight: Tensor) -> float:
    """Share of kernels without a tap above a hundredth of the largest.  weight (O, I, *size) -> 0 to 1."""
    rows = kernel_rows(weight)
    limit = NEGLIGIBLE * float(rows.abs().max())
    return float((rows.abs().amax(1) < limit).double().mean()) if limit > 0 else 1.0


def variance_entropy(weight: Tensor) -> float:
    """Entropy in log10 of the variance by principal direction.  weight (O, I, *size) -> 0 to log10 taps."""
    rows = kernel_rows(weight)
    variance = torch.linalg.svdvals(rows - rows.mean(0)) ** 2
    total = variance.sum()
    return float(torch.special.entr(variance / total).sum()) / log(10) if total > 0 else 0.0


def random_entropy(kernels: int) -> float:
    """T(n): what n random 3 x 3 kernels reach at least, in log10; below 0, and without meaning, for n < 3."""
    return HEIGHT / (1 + exp(-STEEPNESS * (log2(kernels) - MIDDLE))) + OFFSET


def orthogonality(weight: Tensor) -> float:
    """How little output channels are alike.  weight (O, I, *size) with O >= 2 -> 0 to 1."""
    rows, channels = kernel_rows(weight), len(weight)
    if channels < 2:
        raise ShapeError(
            f"expected a weight of two output channels or more to compare, got {tuple(weight.shape)}"
        )
    unit = nn.functional.normalize(rows.reshape(channels, -1), dim=1)
    apart = (unit @ unit.T - torch.eye(channels, dtype=unit.dtype, device=unit.device)).abs().sum()
    return 1 - float(apart) / (channels * (channels - 1))


def convolution_weights(network: nn.Module, size: tuple[int, ...]) -> Iterator[tuple[str, Tensor]]:
    """Name and weight of every convolution of torch with kernels of that size; an error if there is none."""
    found = [
        (name, module.weight.detach())
        for name, module in network.named_modules()
        if isinstance(module, CONVOLUTIONS) and tuple(module.kernel_size) == tuple(size)
    ]
    if not found:
        raise ArgumentError(f"expected a network with convolutions of size {tuple(size)}, found none")
    yield from found


def kernel_rows(weight: Tensor) -> Tensor:
    """weight (O, I, *size) -> (O I, taps) in float64."""
    if weight.ndim < 3 or 0 in weight.shape or weight.is_complex():
        raise ShapeError(f"expected a real weight (O, I, *size), not empty, got {tuple(weight.shape)}")
    return weight.detach().double().reshape(-1, product(weight.shape[2:]))


def _layer(name: str, weight: Tensor) -> LayerFilters:
    kernels = len(kernel_rows(weight))
    entropy = variance_entropy(weight)
    relative = entropy / random_entropy(kernels) if kernels > 2 else nan
    apart = orthogonality(weight) if len(weight) > 1 else nan
    return LayerFilters(name, kernels, sparsity(weight), entropy, relative, apart)
