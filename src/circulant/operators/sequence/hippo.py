"""Where the poles of a state-space model start: those of the normal part of HiPPO-LegS."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor


@final
@dataclass(frozen=True, slots=True)
class Modes:
    """Half of each conjugate pair: eigenvalues (N / 2, 2) as pairs, and eigenvectors (N, N / 2), complex."""

    poles: Tensor
    vectors: Tensor


def hippo_modes(states: int, blocks: int) -> Modes:
    """`blocks` systems of states / blocks states next to each other, all alike; on the CPU, in float64.

    S = -1/2 I + a skew-symmetric matrix of entries sqrt(2 i + 1) sqrt(2 j + 1) / 2: the eigenvalues have
    real part -1/2, those that are kept an imaginary part below zero.
    """
    N = states // blocks
    root = torch.sqrt(2 * torch.arange(N, dtype=torch.float64, device="cpu") + 1)
    skew = root[:, None] * root / 2
    skew = skew.triu(1) - skew.tril(-1)
    imaginary, vectors = torch.linalg.eigh(-1j * skew.to(torch.complex128))
    half = vectors[:, : N // 2]
    poles = torch.stack([torch.full_like(imaginary, -0.5), imaginary], -1)[: N // 2]
    return Modes(poles.repeat(blocks, 1), torch.block_diag(*[half] * blocks))
