"""Convolutional sparse coding: an image as a sum of few atoms, each convolved with a sparse map."""

from dataclasses import dataclass
from math import log10
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.errors import ArgumentError
from circulant.core.pairs import conjugate, power, times
from circulant.engine.transform import irfftn, rfftn

PENALTY = 1e-3  # lambda of the publication
STEPS = 100


@final
@dataclass(frozen=True, slots=True)
class SparseCode:
    """Maps (B, atoms, H, W) and the objective after each iteration."""

    maps: Tensor
    objectives: tuple[float, ...]

    @property
    def sparseness(self) -> float:
        """Share of the coefficients that are exactly 0."""
        return (self.maps == 0).double().mean().item()


@final
class ConvSparseCoding:
    """Minimises 1/2 |x - sum_k d_k * a_k|^2 + penalty |a|_1 over maps a, for given atoms d (K, h, w).

    * is circular over the image, so that the largest singular value of the synthesis is known exactly from
    spectra. FISTA whose momentum restarts whenever the objective would rise: it never does. Deviation: the
    publication solves the same problem by ADMM.
    """

    def __init__(self, atoms: Tensor, penalty: float = PENALTY) -> None:
        if atoms.ndim != 3 or penalty <= 0:
            raise ArgumentError(
                f"expected atoms (K, h, w) and a penalty above 0, got {tuple(atoms.shape)} and {penalty}"
            )
        self.atoms, self.penalty = atoms, penalty

    def spectra(self, spatial: torch.Size) -> Tensor:
        """Of the atoms, on a grid -> pairs (K, H, W // 2 + 1, 2)."""
        H, W = spatial
        h, w = self.atoms.shape[1:]
        if h > H or w > W:
            raise ArgumentError(f"expected images of {h} x {w} samples or more, got {H} x {W}")
        return rfftn(F.pad(self.atoms, (0, W - w, 0, H - h)), 2)

    def synthesis(self, maps: Tensor) -> Tensor:
        """D a, (B, K, H, W) -> (B, H, W)."""
        spectrum = times(rfftn(maps, 2), self.spectra(maps.shape[-2:])).sum(1)
        return irfftn(spectrum, tuple(maps.shape[-2:]))

    def adjoint(self, x: Tensor) -> Tensor:
        """D' x, (B, H, W) -> (B, K, H, W)."""
        spectrum = times(rfftn(x, 2)[:, None], conjugate(self.spectra(x.shape[-2:])))
        return irfftn(spectrum, tuple(x.shape[-2:]))

    def objective(self, x: Tensor, maps: Tensor) -> float:
        residual = x - self.synthesis(maps)
        return (0.5 * residual.square().sum() + self.penalty * maps.abs().sum()).item()

    def code(self, x: Tensor, steps: int = STEPS) -> SparseCode:
        """Images (B, H, W) -> their maps after that many iterations."""
        rate = 1 / power(self.spectra(x.shape[-2:])).sum(0).max()
        maps = ahead = x.new_zeros(len(x), len(self.atoms), *x.shape[-2:])
        momentum, best = 1.0, self.objective(x, maps)
        objectives = []
        for _ in range(steps):
            new = self._proximal(x, ahead, rate)
            value = self.objective(x, new)
            if value > best:  # restart from the last point, where a plain step cannot rise
                momentum, new = 1.0, self._proximal(x, maps, rate)
                value = self.objective(x, new)
            following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
            ahead = new + (momentum - 1) / following * (new - maps)
            maps, momentum, best = new, following, min(value, best)
            objectives.append(value)
        return SparseCode(maps, tuple(objectives))

    def _proximal(self, x: Tensor, maps: Tensor, rate: Tensor) -> Tensor:
        gradient = self.adjoint(self.synthesis(maps) - x)
        return soft_threshold(maps - rate * gradient, rate * self.penalty)

    def optimality(self, x: Tensor, maps: Tensor) -> float:
        """Largest violation of a = soft(a - D'(D a - x), penalty): 0 at the minimum alone."""
        gradient = self.adjoint(self.synthesis(maps) - x)
        return (maps - soft_threshold(maps - gradient, self.penalty)).abs().max().item()


def soft_threshold(x: Tensor, threshold: Tensor | float) -> Tensor:
    """x brought nearer to 0 by the threshold, and 0 within it."""
    return x.sign() * (x.abs() - threshold).relu()


def pruned(maps: Tensor, share: float) -> Tensor:
    """Maps without the smallest of their non-zero coefficients: that share of them becomes 0."""
    sizes = maps[maps != 0].abs()
    if sizes.numel() == 0 or share <= 0:
        return maps
    limit = sizes.kthvalue(min(len(sizes), max(1, round(share * len(sizes))))).values
    return torch.where(maps.abs() <= limit, torch.zeros_like(maps), maps)


def psnr(found: Tensor, wanted: Tensor) -> float:
    """Peak signal to noise in dB, over the range of the wanted image."""
    peak = (wanted.max() - wanted.min()).item()
    return 20 * log10(peak) - 10 * log10((found - wanted).square().mean().item())


def normalised_contrast(x: Tensor, radius: int = 4) -> Tensor:
    """Images (B, H, W) minus the local mean, over the local standard deviation (or its mean, if larger)."""

    def local_mean(values: Tensor) -> Tensor:
        wide = F.pad(values[:, None], (radius,) * 4, mode="reflect")
        return F.avg_pool2d(wide, 2 * radius + 1, stride=1)[:, 0]

    centred = x - local_mean(x)
    deviation = local_mean(centred.square()).sqrt()
    return centred / torch.maximum(deviation, deviation.mean((1, 2), keepdim=True))
