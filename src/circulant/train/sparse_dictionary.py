"""Atoms of convolutional sparse coding, learned from images.

After Rentzeperis, Calatroni, Perrinet and Prandi (2023), Kernel Heterogeneity Improves Sparseness of Natural
Images Representations, where 144 atoms that start from a bank of log-Gabors are learned from photographs.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError
from circulant.core.pairs import power
from circulant.engine.transform import rfftn
from circulant.models.conv_sparse_coding import STEPS, ConvSparseCoding


@final
@dataclass(frozen=True, slots=True)
class LearnedAtoms:
    """The atoms (K, h, w), of norm 1 at most, and the objective after each round."""

    coding: ConvSparseCoding
    objectives: tuple[float, ...]


def learn_atoms(
    coding: ConvSparseCoding, x: Tensor, rounds: int, *, steps: int = STEPS, atom_steps: int = 30
) -> LearnedAtoms:
    """From the atoms of `coding`, for images x (B, H, W).

    A round codes the images anew and then moves the atoms by projected gradient steps that are short enough
    never to raise the error. Deviation: the publication learns by ADMM, as it codes.
    """
    if rounds < 1 or atom_steps < 1:
        raise ArgumentError(f"expected rounds and atom_steps of 1 or more, got {rounds} and {atom_steps}")
    objectives = []
    for _ in range(rounds):
        maps = coding.code(x, steps).maps
        rate = 1 / power(rfftn(maps, 2)).sum((0, 1)).max().clamp(min=torch.finfo(x.dtype).tiny)
        for _ in range(atom_steps):
            coding = ConvSparseCoding(_moved(coding, x, maps, rate), coding.penalty)
        objectives.append(coding.objective(x, maps))
    return LearnedAtoms(coding, tuple(objectives))


def _moved(coding: ConvSparseCoding, x: Tensor, maps: Tensor, rate: Tensor) -> Tensor:
    """The atoms after a gradient step on 1/2 |x - D a|^2, pulled back to norm 1 where they are longer."""
    with torch.enable_grad():
        atoms = coding.atoms.detach().requires_grad_()
        error = x - ConvSparseCoding(atoms, coding.penalty).synthesis(maps)
        (gradient,) = torch.autograd.grad(0.5 * error.square().sum(), atoms)
    moved = atoms.detach() - rate * gradient
    norm = torch.linalg.vector_norm(moved, dim=(1, 2), keepdim=True)
    return moved / norm.clamp(min=1)
