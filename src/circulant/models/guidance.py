"""How predictions of a diffusion model with and without the text are put together, for larger pictures."""

import torch
from torch import Tensor

from circulant.core.errors import ShapeError


def noise_damped_guidance(mild: Tensor, without: Tensor, text: Tensor, weight: float) -> Tensor:
    """mild + weight (text - without): noise predicted by a mildly changed network, with no text, leads.

    without and text come from the strongly changed network, which draws structures well but removes noise
    badly; only their difference is used, in which its error cancels. All of one shape. Source: ScaleCrafter
    (arXiv:2310.07702).
    """
    return mild + weight * (text - without)


def guidance_of_branches(noise: Tensor, weight: float) -> Tensor:
    """noise (3 B, ...): without text, with it, and with it under weak low passes -> (B, ...).

    without + weight (third - without): the second branch only lends its attention (`lend_attention`).
    Source: FouriScale (arXiv:2403.12963), released code.
    """
    without, _, third = _branches(noise)
    return without + weight * (third - without)


def lend_attention(values: Tensor) -> Tensor:
    """values (3 B, ...): queries or keys of self-attention; the third branch takes those of the second."""
    without, text, _ = _branches(values)
    return torch.cat([without, text, text])


def _branches(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    if values.shape[0] % 3:
        raise ShapeError(f"expected a batch of three branches of one size, got {tuple(values.shape)}")
    first, second, third = values.chunk(3) if values.shape[0] else (values, values, values)
    return first, second, third
