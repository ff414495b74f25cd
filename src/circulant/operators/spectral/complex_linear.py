"""Complex linear maps of channels, on pairs."""

from torch import Tensor

from circulant.core.cost import Cost, matmul_cost
from circulant.core.sizes import product
from circulant.operators.spectral.complex_view import matrix_products


def complex_linear(z: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Pairs z (B, G I, *bins, 2), weight (G, O, I, 2), bias (G O, 2) -> (B, G O, *bins, 2): G blocks.

    Complex conjugation of z is not linear over the complex numbers and cannot be had this way.
    """
    G, O, I, _ = weight.shape
    B, bins = len(z), z.shape[2:-1]
    blocks = z.reshape(B * G, I, product(bins), 2)
    constant = None if bias is None else bias.reshape(G, O, 1, 2).repeat(B, 1, 1, 1)
    return matrix_products(weight.repeat(B, 1, 1, 1), blocks, constant).reshape(B, G * O, *bins, 2)


def complex_linear_cost(batch: int, blocks: int, inner: int, outer: int, bins: int) -> Cost:
    return matmul_cost(2 * outer, 2 * inner, bins) * (batch * blocks)
