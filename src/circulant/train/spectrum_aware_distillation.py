"""Distillation that weighs each frequency by what the teacher has there.

Yang et al., "Diffusion Probabilistic Model Made Slim" (2022).
"""

import torch
from torch import Tensor

from circulant.core.errors import ShapeError
from circulant.core.pairs import power
from circulant.core.sizes import product
from circulant.engine.transform import rfftn

FAINT = 1e-3  # of the largest magnitude: fainter frequencies of the teacher count as this


def spectrum_aware_distillation(
    student: Tensor, teacher: Tensor, exponent: float = 1.0, ndim: int = 2
) -> Tensor:
    """Mean over frequencies of |F student - F teacher|^2 M^-exponent, orthonormal transforms.

    student and teacher (.., *spatial) with ndim axes; M is the magnitude of F teacher at that frequency. An
    exponent of 0 is the mean squared error by Parseval's theorem; the larger it is, the more the faint
    frequencies count, which are the high ones in pictures. Weights are scaled to the mean 1, so that
    exponents share a learning rate.

    M is the root mean power over the leading axes. Example by example, as the abstract can be read too,
    chance decides which coefficients are strong; those would count less, and students come out too faint.
    """
    if student.shape != teacher.shape:
        shapes = f"{tuple(student.shape)} and {tuple(teacher.shape)}"
        raise ShapeError(f"expected student and teacher of one shape, got {shapes}")
    sizes = tuple(teacher.shape[-ndim:])
    difference = power(rfftn(student - teacher, ndim)) / product(sizes)
    weight = frequency_weights(teacher.detach(), exponent, ndim)
    return (difference * weight * mirror_counts(sizes, weight)).sum() / student.numel()


def frequency_weights(teacher: Tensor, exponent: float, ndim: int) -> Tensor:
    """M^-exponent (*bins) of the magnitudes M of F teacher, with the mean 1 over all frequencies."""
    sizes = tuple(teacher.shape[-ndim:])
    spectrum = power(rfftn(teacher, ndim))
    magnitude = spectrum.reshape(-1, *spectrum.shape[-ndim:]).mean(0).sqrt()
    least = FAINT * magnitude.amax().clamp(min=torch.finfo(magnitude.dtype).tiny)
    weight = torch.maximum(magnitude / least, torch.ones_like(magnitude)) ** -exponent
    return weight / ((weight * mirror_counts(sizes, weight)).sum() / product(sizes))


def mirror_counts(sizes: tuple[int, ...], like: Tensor) -> Tensor:
    """How many frequencies each bin of the last axis stands for: 2 where its mirror image is left out."""
    n = sizes[-1]
    k = torch.arange(n // 2 + 1, device=like.device)
    return (1 + ((k > 0) & (2 * k < n)).int()).to(like.dtype)
