"""Larger kernels that do to an enlarged input what small ones do to the input, found in closed form.

For every kernel w of K taps per axis, R w of K' taps shall satisfy, for features h,

    R = argmin |interp_d(w * h) - (R w) * interp_d(h)|^2 + eta |w * h - (R w) * h|^2

interp_d enlarges d times, linearly with corners not aligned. Over white noise h and all unit kernels w this
is a least-squares problem in R alone, with moments that are products over the axes. The published transforms
(R of 3 to 5 taps) come as files that were not released; eta is left to the caller.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.errors import ArgumentError, ShapeError


def dispersion(kernel: int, larger: int, factor: int, *, eta: float, ndim: int = 2) -> Tensor:
    """R (larger^ndim, kernel^ndim) in float64, for odd sizes of kernels."""
    if kernel % 2 == 0 or larger % 2 == 0 or larger < kernel:
        raise ArgumentError(f"expected odd kernels, the larger one last, got {kernel} and {larger}")
    if factor < 1 or not eta > 0:
        raise ArgumentError(f"expected a factor of 1 or more and eta above 0, got {factor} and {eta}")
    gram, right = _moments(kernel, larger, factor)
    centred = torch.eye(larger, dtype=torch.float64)[:, (larger - kernel) // 2 :][:, :kernel]
    grams, rights, middles = gram, right, centred
    for _ in range(ndim - 1):
        grams, rights = torch.kron(grams, gram), torch.kron(rights, right)
        middles = torch.kron(middles, centred)
    identity = torch.eye(larger**ndim, dtype=torch.float64)
    return torch.linalg.solve(grams + eta * identity, rights + eta * middles)


def dispersed_kernel(weight: Tensor, transform: Tensor) -> Tensor:
    """weight (O, I, *kernel), transform (K'^n, K^n) -> (O, I, *larger): each slice on its own."""
    ndim = weight.ndim - 2
    larger = round(transform.shape[0] ** (1 / ndim))
    if transform.shape != (larger**ndim, weight[0, 0].numel()):
        raise ShapeError(
            f"expected transform (K'^{ndim}, {weight[0, 0].numel()}) for weight {tuple(weight.shape)}, "
            f"got {tuple(transform.shape)}; make it with dispersion"
        )
    slices = weight.flatten(2) @ transform.to(weight).T
    return slices.reshape(*weight.shape[:2], *(larger,) * ndim)


def _moments(kernel: int, larger: int, factor: int) -> tuple[Tensor, Tensor]:
    """Along one axis, mean over a period of the enlarged grid: of b b^T, and of b a^T.

    a: what the taps of the small kernel see, enlarged. b: what the taps of the larger one see of the enlarged
    input. Both as weights of the input's samples.
    """
    reach = kernel + larger
    enlarged = F.interpolate(
        torch.eye(2 * reach + 1, dtype=torch.float64)[None], scale_factor=factor, mode="linear"
    )[0].T
    places = torch.arange(reach * factor, (reach + 1) * factor)  # of the sample in the middle
    a = enlarged[places[:, None] + factor * (torch.arange(kernel) - kernel // 2)]
    b = enlarged[places[:, None] + torch.arange(larger) - larger // 2]
    return (b @ b.mT).mean(0), (b @ a.mT).mean(0)
