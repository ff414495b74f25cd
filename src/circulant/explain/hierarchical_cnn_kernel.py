r"""What a CNN becomes as its channels grow without limit: two kernels, NNGP and NTK, from patches of patches.

The network's patches do not overlap: the first layer sees patches of s_1 samples along each axis, each of
unit length; layer l + 1 sees s_(l+1) outputs of layer l along each axis; a linear readout sees what remains.
With t_0 the cosines of the patches of two inputs, and for ReLU

    kappa_1(t) = (sqrt(1 - t^2) + (pi - arccos t) t) / pi,    kappa_0(t) = (pi - arccos t) / pi,

layer by layer, means over sibling patches (after the last layer over all that remain),

    r = mean kappa_1(t),    K = mean kappa_0(t) K + r,    t = r,    from K = t = t_0.

r ends as the NNGP, the covariance of the outputs of random networks, and K as the NTK, with which trained
ones regress. What surprises: sharing weights between places makes no difference, as there is no overlap and
no pooling.

Cagnetta, Favero and Wyart, 2022, What Can Be Learnt With Wide Convolutional Neural Networks?,
https://arxiv.org/abs/2208.01003; kappa after Cho and Saul, 2009, Kernel Methods for Deep Learning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi
from typing import final

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.sizes import product


@final
@dataclass(frozen=True, slots=True)
class HierarchicalKernel:
    """Both kernels between inputs, (N, M) float64."""

    nngp: Tensor  # 1 of an input with itself
    ntk: Tensor  # number of layers + 1 of an input with itself


def hierarchical_cnn_kernel(first: Tensor, second: Tensor, sizes: Sequence[int]) -> HierarchicalKernel:
    """Between all inputs of first (N, C, *spatial) and second (M, C, *spatial).

    sizes: s_1, s_2, ..., along every axis; their product divides each spatial size. Patches of s_1 are scaled
    to unit length. Takes N M numbers for each patch of s_1 samples.
    """
    if first.shape[1:] != second.shape[1:]:
        raise ShapeError(
            f"expected inputs of the same channels and sizes, got {tuple(first.shape)} and "
            f"{tuple(second.shape)}"
        )
    one, other = _unit_patches(first, sizes), _unit_patches(second, sizes)
    return kernel_of_cosines(one @ other.transpose(-1, -2))


def kernel_of_cosines(cosines: Tensor) -> HierarchicalKernel:
    """cosines (remaining, s_L, ..., s_2, N, M) of patches, all axes of space in one -> kernels (N, M)."""
    nngp = ntk = cosines
    for _ in range(cosines.ndim - 2):
        angle = torch.acos(nngp.clamp(-1, 1))
        ntk = (arc_cosine_0(angle) * ntk).mean(-3)
        nngp = arc_cosine_1(angle).mean(-3)
        ntk = ntk + nngp
    return HierarchicalKernel(nngp, ntk)


def arc_cosine_0(angle: Tensor) -> Tensor:
    """kappa_0(cos angle): how often two inputs at that angle, in radians, lie on one side of a random plane,
    twice."""
    return 1 - angle / pi


def arc_cosine_1(angle: Tensor) -> Tensor:
    """kappa_1(cos angle): covariance of sqrt(2) ReLU of two unit Gaussians at that angle, in radians."""
    return (angle.sin() + (pi - angle) * angle.cos()) / pi


def _unit_patches(x: Tensor, sizes: Sequence[int]) -> Tensor:
    """(N, C, *spatial) -> (remaining, s_L, ..., s_2, N, C s_1), each s to the power of the number of axes."""
    _require(x, sizes)
    axes, levels = x.ndim - 2, len(sizes)
    split = [size for n in x.shape[2:] for size in (n // product(sizes), *reversed(sizes))]
    x = x.detach().double().reshape(*x.shape[:2], *split)
    # level by level what remains of all axes, s_L of all axes, ..., s_2, then examples, then a patch's inside
    places = [[2 + axis * (levels + 1) + level for axis in range(axes)] for level in range(levels + 1)]
    outer, inner = places[:-1], places[-1]
    x = x.permute(*(place for level in outer for place in level), 0, 1, *inner)
    grouped = [product(x.shape[i * axes : (i + 1) * axes]) for i in range(levels)]
    patches = x.reshape(*grouped, x.shape[levels * axes], -1)
    length = patches.norm(dim=-1, keepdim=True)
    if not bool((length > 0).all()):
        raise ArgumentError("expected patches that are not all 0, got one; add a constant to the input")
    return patches / length


def _require(x: Tensor, sizes: Sequence[int]) -> None:
    if x.ndim < 3 or x.is_complex() or 0 in x.shape:
        raise ShapeError(f"expected real inputs (N, C, *spatial), not empty, got {tuple(x.shape)}")
    if not sizes or min(sizes) < 1 or any(n % product(sizes) for n in x.shape[2:]):
        raise ArgumentError(
            f"expected one size or more, of 1 or more, whose product divides {tuple(x.shape[2:])}, got "
            f"{tuple(sizes)}"
        )
