"""What the filters of a network are: their statistics, their basis, their shift against another network."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, final

from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.sizes import product
from circulant.engine.conv_settings import CONVOLUTIONS
from circulant.explain.distribution_shift import DistributionShift, distribution_shift
from circulant.explain.filter_basis import FilterBasis, filter_basis
from circulant.explain.filter_statistics import LayerFilters, filter_statistics

LARGEST = 400  # taps: what the principal components of larger kernels would cost is not worth it


@final
@dataclass(frozen=True, slots=True)
class SizedFilters:
    """Statistics of one convolution, and the size of its kernels."""

    size: tuple[int, ...]
    layer: LayerFilters


@final
@dataclass(frozen=True, slots=True)
class Filters:
    """Every convolution of torch, in the order of the network's modules."""

    layers: tuple[SizedFilters, ...]

    def numbers(self) -> dict[str, Any]:
        return {"layers": [_layer_numbers(one) for one in self.layers]}


@final
@dataclass(frozen=True, slots=True)
class Shift:
    """How far the kernels of two networks are apart."""

    size: tuple[int, ...]
    found: DistributionShift

    def numbers(self) -> dict[str, Any]:
        return {
            "size": list(self.size),
            "total": self.found.total,
            "divergence": self.found.divergence.tolist(),
            "explained": self.found.basis.explained.tolist(),
        }


def filters(network: nn.Module) -> Filters:
    sizes = _sizes(network)
    by_name = {
        one.name: SizedFilters(size, one) for size in sizes for one in filter_statistics(network, size)
    }
    return Filters(tuple(by_name[name] for name, _ in network.named_modules() if name in by_name))


def basis(network: nn.Module) -> FilterBasis:
    """Of the kernels of the commonest size."""
    return filter_basis(network, commonest_size(network))


def shift(network: nn.Module, against: nn.Module) -> Shift:
    """Of the kernels of the commonest size; the other network must have kernels of that size."""
    size = commonest_size(network)
    return Shift(size, distribution_shift(network, against, size))


def basis_numbers(found: FilterBasis) -> dict[str, Any]:
    return {"size": list(found.size), "explained": found.explained.tolist()}


def commonest_size(network: nn.Module) -> tuple[int, ...]:
    """Of more than one tap; of sizes alike in number, the one met first."""
    counted = Counter({size: n for size, n in _sizes(network).items() if 1 < product(size) <= LARGEST})
    if not counted:
        raise ArgumentError(
            f"expected convolutions with kernels of 2 to {LARGEST} taps, found none; "
            "a basis says nothing of a single tap"
        )
    return counted.most_common(1)[0][0]


def _sizes(network: nn.Module) -> Counter[tuple[int, ...]]:
    found = Counter(
        {
            tuple(int(n) for n in module.kernel_size): 0
            for module in network.modules()
            if isinstance(module, CONVOLUTIONS)
        }
    )
    for module in network.modules():
        if isinstance(module, CONVOLUTIONS):
            found[tuple(int(n) for n in module.kernel_size)] += (
                module.weight.shape[0] * module.weight.shape[1]
            )
    if not found:
        raise ArgumentError("expected convolutions of torch, found none; these figures are of their kernels")
    return found


def _layer_numbers(one: SizedFilters) -> dict[str, Any]:
    return {
        "name": one.layer.name,
        "size": list(one.size),
        "kernels": one.layer.kernels,
        "sparsity": one.layer.sparsity,
        "entropy": one.layer.entropy,
        "relative_entropy": one.layer.relative_entropy,
        "orthogonality": one.layer.orthogonality,
    }
