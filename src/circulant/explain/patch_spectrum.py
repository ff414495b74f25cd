r"""Which functions a wide CNN learns first: eigenvalues of its kernels, by the patches that functions see.

Where patches are pairs of samples of unit length, an input is one angle for each patch, and the
eigenfunctions of the kernels of `hierarchical_cnn_kernel` are products of waves, one for each patch, with
whole wave numbers k. The sector l of a wave is the smallest patch of patches that holds all patches with k
above 0: its functions depend on

    d_eff(l) = (s_1 - 1) s_2 ... s_l    angles,    and its eigenvalues fall as |k|^-(2 nu + d_eff(l)),

nu = 1/2 of the NTK and 3/2 of the NNGP. What surprises: not all eigenvalues are above 0; a single layer of
ReLU does not see odd waves above the first.

Cagnetta, Favero and Wyart, 2022, What Can Be Learnt With Wide Convolutional Neural Networks?,
https://arxiv.org/abs/2208.01003, whose abstract alone was at hand: the powers follow from the kernels, which
have at angle 0 a kink |angle| (NTK) or |angle|^3 (NNGP) in as many angles, and are checked against the
eigenvalues.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError
from circulant.core.sizes import product
from circulant.core.waves import waves
from circulant.explain.hierarchical_cnn_kernel import kernel_of_cosines

NTK_SMOOTHNESS, NNGP_SMOOTHNESS = 0.5, 1.5  # nu
LARGEST_GRID = 2**21  # points
ALIASING = 4  # waves up to a quarter of the points along an angle are kept


@final
@dataclass(frozen=True, slots=True)
class Sector:
    """Eigenvalues of all functions of one level of patches; a wave number for each patch."""

    level: int  # 1: a single patch
    dimension: int  # d_eff, the angles that a function depends on
    waves: Tensor  # (functions, patches) int64, 0 or above
    nngp: Tensor  # (functions)
    ntk: Tensor  # (functions)


def patch_spectrum(sizes: Sequence[int], points: int = 32) -> tuple[Sector, ...]:
    """Sectors 1, 2, ... of a network with sizes (2, s_2, ..., s_L) and one channel along one axis.

    points: along each angle; the kernels are sampled at points^patches places, of which there are at most
    2^21. The constant belongs to no sector.
    """
    patches = product(sizes[1:])
    if not sizes or sizes[0] != 2 or min(sizes) < 1 or points < ALIASING or points**patches > LARGEST_GRID:
        raise ArgumentError(
            f"expected sizes (2, s_2, ...) and {ALIASING} points or more, at most {LARGEST_GRID} over all "
            f"patches, got {tuple(sizes)} and {points} points for each of {patches} patches"
        )
    angle = torch.arange(points, dtype=torch.float64) * (2 * torch.pi / points)
    grid = torch.cartesian_prod(*[angle.cos()] * patches).reshape(-1, patches).T
    kernel = kernel_of_cosines(grid.reshape(1, *reversed(sizes[1:]), -1, 1))
    numbers = torch.arange(points // ALIASING + 1)
    nngp, ntk = (_eigenvalues(k.reshape([points] * patches), numbers) for k in (kernel.nngp, kernel.ntk))
    k = torch.cartesian_prod(*[numbers] * patches).reshape(-1, patches)
    level = _levels(k > 0, sizes)
    return tuple(
        Sector(l, effective_dimension(sizes, l), k[level == l], nngp[level == l], ntk[level == l])
        for l in range(1, len(sizes) + 1)
    )


def effective_dimension(sizes: Sequence[int], level: int) -> int:
    """d_eff: directions along which a function of that level of patches varies, at one channel."""
    if not 1 <= level <= len(sizes):
        raise ArgumentError(f"expected a level from 1 to {len(sizes)}, the number of sizes, got {level}")
    return (sizes[0] - 1) * product(sizes[1:level])


def power(wave_numbers: Tensor, eigenvalues: Tensor) -> float:
    """Slope of log eigenvalue over log |k|.  wave_numbers (n, patches), eigenvalues (n), both above 0."""
    x, y = wave_numbers.double().norm(dim=1).log(), eigenvalues.log()
    x = x - x.mean()
    return float((x * y).sum() / (x * x).sum())


def _eigenvalues(kernel: Tensor, numbers: Tensor) -> Tensor:
    """Mean of the kernel (points, ..., points) times waves along each axis -> (functions)."""
    cosines, _ = waves(kernel.shape[0], numbers, kernel)
    for axis in range(kernel.ndim):
        kernel = (kernel.movedim(axis, -1) @ cosines.T / kernel.shape[axis]).movedim(-1, axis)
    return kernel.flatten()


def _levels(waving: Tensor, sizes: Sequence[int]) -> Tensor:
    """waving (functions, patches) -> smallest level whose patch holds all that wave (functions); 0 of
    none."""
    level = torch.zeros(len(waving), dtype=torch.int64)
    for number in range(len(sizes), 0, -1):
        width = product(sizes[1:number])
        within = waving.reshape(len(waving), -1, width).any(2).sum(1) == 1
        level[within] = number
    return level
