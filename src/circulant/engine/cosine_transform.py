"""The door to discrete cosine transforms: the orthonormal DCT-II and its inverse."""

from torch import Tensor

from circulant.engine.transform import last_axes, transform
from circulant.problems.transform import TransformKind


def dct(x: Tensor, ndim: int = 1) -> Tensor:
    """x (..., n_1, .., n_d) -> coefficients of the same shape over the last d = ndim axes, orthonormal."""
    return transform(x, TransformKind.COSINE, last_axes(x, ndim))


def idct(coefficients: Tensor, ndim: int = 1) -> Tensor:
    """coefficients (..., n_1, .., n_d) -> x of the same shape: the inverse of `dct`, and its adjoint."""
    return transform(coefficients, TransformKind.COSINE_ADJOINT, last_axes(coefficients, ndim))
