"""The steps of a transform by matrix products. Complex values are pairs of reals all the way.

A step splits the samples of a row, j = j1 M + j2, and transforms them over j1; what is left is turned
and transformed over j2 by the next step. The bins come out in the order of the steps, k1 before k2, in
which products need no permutation; `synthesise` runs the same steps backwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from circulant.core.sizes import product


@final
@dataclass(frozen=True, slots=True)
class Turn:
    """What lies between two steps: multiplication by cosine + i sine, each (k, M)."""

    cosine: Tensor
    sine: Tensor

    def forward(self, z: Tensor) -> Tensor:
        """z (R, k, 2, M) -> the same, of z's dtype; the product itself in the turn's."""
        re, im = z.unbind(2)
        turned = (
            torch.addcmul(re * self.cosine, im, self.sine, value=-1),
            torch.addcmul(im * self.cosine, re, self.sine),
        )
        return torch.stack(turned, 2).to(z.dtype)

    def backward(self, z: Tensor) -> Tensor:
        """The conjugate turn."""
        return Turn(self.cosine, -self.sine).forward(z)


@final
@dataclass(frozen=True, slots=True)
class Step:
    """forward (2 k, g) takes g reals to k pairs, backward (g, 2 k) takes them back.

    The g reals are f samples, or their real and then their imaginary parts. The last step has no turn.
    """

    forward: Tensor
    backward: Tensor
    turn: Turn | None

    @property
    def pairs(self) -> int:
        return self.forward.shape[0] // 2

    @property
    def inner(self) -> int:
        """Samples that are left to the next step."""
        return 1 if self.turn is None else self.turn.cosine.shape[1]

    def of_real_samples(self) -> "Step":
        """The same step on samples without imaginary parts."""
        samples = self.forward.shape[1] // 2
        return Step(self.forward[:, :samples], self.backward[:samples], self.turn)


def analyse(x: Tensor, steps: Sequence[Step]) -> Tensor:
    """x (rows, samples), imaginary parts last if there are any -> bins (rows, K, 2)."""
    rows, z = x.shape[0], x
    for step in steps:
        z = multiply(step.forward, z.reshape(-1, step.forward.shape[1], step.inner))
        if step.turn is not None:
            z = step.turn.forward(z.unflatten(1, (step.pairs, 2)))
    return z.reshape(rows, product([step.pairs for step in steps]), 2)


def synthesise(bins: Tensor, steps: Sequence[Step]) -> Tensor:
    """bins (rows, K, 2) -> samples (rows, samples): the adjoint of `analyse`, but for its scale."""
    rows, z = bins.shape[0], bins
    for step in reversed(steps):
        z = z.reshape(-1, step.pairs, 2, step.inner)
        if step.turn is not None:
            z = step.turn.backward(z)
        z = multiply(step.backward, z.flatten(1, 2))
    return z.reshape(rows, steps[0].backward.shape[0] * steps[0].inner)


def multiply(matrix: Tensor, z: Tensor) -> Tensor:
    """matrix (p, g), z (R, g, M) -> (R, p, M) of the matrix's dtype; for M = 1 as one product."""
    operand = z.to(matrix.dtype)
    if z.shape[-1] == 1:
        return (operand[..., 0] @ matrix.T)[..., None]
    return matrix @ operand
