r"""How fast a wide CNN learns, by the size of the patches that the target depends on.

The target is a Gaussian random field whose covariance is the NTK of a teacher; the student regresses with the
NTK of a deeper network. After P examples it knows the functions of its P largest eigenvalues, and what the
target has in others is the error. With the powers of `patch_spectrum`, d = d_eff of the target's patches, D
that of the student's deepest and nu of both kernels, the error falls as P^-beta,

    beta = min(2 nu_T / (2 nu_S + d), 2) (2 nu_S + D) / D,    1 / D for NTKs and d = D.

What surprises: depth does not help against a target as deep as the student. Such a target depends on all D
angles, and so many are not learnt.

Cagnetta, Favero and Wyart, 2022, What Can Be Learnt With Wide Convolutional Neural Networks?,
https://arxiv.org/abs/2208.01003, whose abstract alone was at hand: beta is derived here, for regression
without ridge, and for d = D is that of Spigler, Geiger and Wyart, 2020, Asymptotic learning curves of kernel
methods, https://arxiv.org/abs/1905.10843.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError
from circulant.core.sizes import product
from circulant.explain.hierarchical_cnn_kernel import hierarchical_cnn_kernel
from circulant.explain.patch_spectrum import NTK_SMOOTHNESS, effective_dimension

JITTER = 1e-10  # of the mean variance, so that rounding leaves no direction below 0


@final
@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Mean squared error on new inputs, as a share of the target's variance, by the number of examples."""

    examples: tuple[int, ...]
    errors: tuple[float, ...]

    @property
    def exponent(self) -> float:
        """beta: minus the slope of log error over log examples, by least squares."""
        x = torch.tensor(self.examples, dtype=torch.float64).log()
        y = torch.tensor(self.errors, dtype=torch.float64).log()
        x = x - x.mean()
        return -float((x * y).sum() / (x * x).sum())


def spatial_scale_exponent(
    sizes: Sequence[int],
    level: int,
    teacher_smoothness: float = NTK_SMOOTHNESS,
    student_smoothness: float = NTK_SMOOTHNESS,
) -> float:
    """beta of targets that depend on patches of that level, for a student of these sizes.

    smoothness: nu, `NTK_SMOOTHNESS` or `NNGP_SMOOTHNESS`.
    """
    target, deepest = effective_dimension(sizes, level), effective_dimension(sizes, len(sizes))
    known = min(2 * teacher_smoothness / (2 * student_smoothness + target), 2.0)
    return known * (2 * student_smoothness + deepest) / deepest


def learning_curve(
    teacher: Sequence[int], student: Sequence[int], examples: Sequence[int], tested: int = 256, seed: int = 0
) -> LearningCurve:
    """Of kernel regression with the student's NTK, without ridge, in the mean over all targets.

    teacher, student: sizes of patches from the first layer on, the first the same. Inputs are drawn: one
    channel, as many samples as the student's sizes multiplied, patches evenly from the unit sphere; tested of
    them are new, the same ones throughout.
    """
    if teacher[:1] != student[:1] or not examples or min(*examples, tested) < 1:
        raise ArgumentError(
            f"expected the same first size of teacher and student and 1 or more examples and tested inputs, "
            f"got {tuple(teacher)}, {tuple(student)}, {tuple(examples)} and {tested}"
        )
    generator = torch.Generator().manual_seed(seed)
    count = max(examples) + tested
    x = torch.randn(count, 1, product(student), dtype=torch.float64, generator=generator)
    covariance = hierarchical_cnn_kernel(x, x, teacher).ntk
    kernel = hierarchical_cnn_kernel(x, x, student).ntk
    variance = covariance.diagonal().mean() - covariance.mean()
    errors = [float(_error(kernel, covariance, number, tested) / variance) for number in examples]
    return LearningCurve(tuple(examples), tuple(errors))


def _error(kernel: Tensor, covariance: Tensor, examples: int, tested: int) -> Tensor:
    """Mean squared error on the last inputs from the first ones, over targets of that covariance."""
    seen = kernel[:examples, :examples]
    jitter = JITTER * seen.diagonal().mean() * torch.eye(examples, dtype=seen.dtype)
    weights = torch.cholesky_solve(kernel[:examples, -tested:], torch.linalg.cholesky(seen + jitter))
    missed = covariance[:examples, :examples] @ weights - 2 * covariance[:examples, -tested:]
    return (covariance.diagonal()[-tested:] + (weights * missed).sum(0)).mean()
