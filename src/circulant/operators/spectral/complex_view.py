"""Arithmetic of pairs (..., 2) as views of complex numbers, several times as fast as on strided halves.

Nothing complex leaves a function, and compilers, which have no code for it, get the same sums on halves.
"""

import torch
from torch import Tensor

from circulant.core.pairs import magnitude, view, viewable


def scaled(z: Tensor, factor: Tensor) -> Tensor:
    """Pairs z (..., 2) times reals (...) of the same dtype, with broadcasting."""
    if factor.numel() * 2 < z.numel():  # repeated: a product of whole rows is fastest
        return z * factor[..., None].expand(*factor.shape, 2).contiguous()
    if viewable(z, factor):
        return torch.view_as_real(view(z) * factor)
    return z * factor[..., None]


def plus_scaled(first: Tensor, factor: Tensor, second: Tensor) -> Tensor:
    """first + factor second for reals factor (...) and pairs (..., 2), with broadcasting."""
    if viewable(first, second) and factor.dtype == first.dtype:
        one, other = view(first), view(second)
        return torch.view_as_real(torch.addcmul(one, factor.to(one.dtype), other))
    return first + factor[..., None] * second


def matrix_products(first: Tensor, second: Tensor, constant: Tensor | None = None) -> Tensor:
    """Pairs (N, O, I, 2) and (N, I, P, 2) -> N products of matrices (N, O, P, 2), plus (N, O, P or 1, 2)."""
    if not viewable(first, second):
        return _real_products(first, second, constant)
    one, other = view(first), view(second)
    if constant is None:
        return torch.view_as_real(torch.bmm(one, other))
    return torch.view_as_real(torch.baddbmm(view(constant), one, other))


def _real_products(first: Tensor, second: Tensor, constant: Tensor | None) -> Tensor:
    """One real product with [Re; Im] of the first, over the pairs of the second as they lie."""
    O, P = first.shape[1], second.shape[2]
    stacked = torch.bmm(torch.cat(first.unbind(-1), 1), second.flatten(2)).unflatten(2, (P, 2))
    by_re, (re, im) = stacked[:, :O], stacked[:, O:].unbind(-1)
    made = by_re + torch.stack([-im, re], -1)
    return made if constant is None else made + constant


def modulus(z: Tensor) -> Tensor:
    """|z| of pairs (..., 2) -> (...), without slope where z is 0; what stands there is not to be used."""
    return view(z).abs() if viewable(z) else magnitude(z)[..., 0]
