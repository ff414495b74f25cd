r"""Adaptive spectral block: one complex gain for every bin of a channel, a second one for the strong bins.

    y = irfft((gain_all + mask gain_strong) rfft(x)),   power[b, k] = sum_c |rfft(x)[b, c, k]|^2
    mask[b, k] = 1 where power[b, k] > threshold median_k power[b, k], else 0

Shapes: x (B, C, L) -> y (B, C, L) of any length; gain_all and gain_strong (C, 2), real and imaginary part,
threshold (1). Transforms are orthonormal. The mask is the same for all channels of an example, and, while it
stays as it is, the block is a circular convolution.

The mask has no derivative of its own. As in the authors' code the threshold is learnt by a
straight-through estimate: dmask / dthreshold is taken to be 1 in every bin. Their first release compared
with a quantile of the relative power instead. A term 1e-6 beside the median keeps silence silent.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator, require_input
from circulant.core.pairs import times
from circulant.core.sizes import Shape
from circulant.engine.costs import transform_cost
from circulant.engine.transform import irfft, rfft
from circulant.operators.spectral.complex_view import plus_scaled
from circulant.problems.transform import TransformKind

INITIAL_SPREAD = 0.02  # of both gains, as in the authors' code
SILENCE = 1e-6  # beside the median, in units of power


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    L = x.shape[2]
    bins = L // 2 + 1
    angle = 2 * torch.pi * (torch.arange(bins)[:, None] * torch.arange(L) % L) / L
    cos, sin = angle.cos().to(x), angle.sin().to(x)
    real, imaginary = x @ cos.T / L**0.5, -(x @ sin.T) / L**0.5
    energy = (real**2 + imaginary**2).sum(1)
    middle = energy.detach().sort(1).values[:, (bins - 1) // 2]
    mask = (energy.detach() / (middle[:, None] + 1e-6) > state["threshold"]).to(x)
    mask = mask + state["threshold"] - state["threshold"].detach()
    y = torch.zeros_like(x)
    for k in range(bins):
        gain = state["gain_all"] + mask[:, k, None, None] * state["gain_strong"]
        re = real[:, :, k] * gain[..., 0] - imaginary[:, :, k] * gain[..., 1]
        im = real[:, :, k] * gain[..., 1] + imaginary[:, :, k] * gain[..., 0]
        mirrored = 0 < 2 * k < L
        wave = re[..., None] * cos[k] - mirrored * im[..., None] * sin[k]
        y = y + (1 + mirrored) * wave / L**0.5
    return y


@final
class AdaptiveSpectralBlock1d(Operator):
    ndims = (1,)

    def __init__(
        self, channels: int, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.channels = channels
        self.gain_all = nn.Parameter(torch.empty(channels, 2, device=device, dtype=dtype))
        self.gain_strong = nn.Parameter(torch.empty(channels, 2, device=device, dtype=dtype))
        self.threshold = nn.Parameter(torch.empty(1, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for gain in (self.gain_all, self.gain_strong):
            nn.init.trunc_normal_(gain, std=INITIAL_SPREAD)
        nn.init.uniform_(self.threshold)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        length = x.shape[-1]
        spectrum = rfft(x)
        mask = self._mask(spectrum.detach(), length)[:, None]
        gain = plus_scaled(self.gain_all[:, None], mask, self.gain_strong[:, None])
        return irfft(times(spectrum, gain.to(spectrum.dtype)), length)

    def mask(self, x: Tensor) -> Tensor:
        """Which bins of x (B, C, L) count as strong: 1 or 0 (B, bins)."""
        return self._mask(rfft(x), x.shape[-1])

    def _mask(self, spectrum: Tensor, length: int) -> Tensor:
        """Of spectrum (B, C, bins, 2), unnormalised; its gradient reaches the threshold alone."""
        wide = torch.promote_types(spectrum.dtype, torch.float32)
        energy = spectrum.to(wide).square().sum(1).sum(-1) / length
        relative = energy / (energy.median(dim=1, keepdim=True).values + SILENCE)
        strong = (relative > self.threshold).to(self.threshold.dtype)
        return strong + (self.threshold - self.threshold.detach())

    def cost(self, shape: Shape) -> Cost:
        B, C, L = shape
        forth, back = TransformKind.RFFT, TransformKind.RFFT_ADJOINT
        return transform_cost(forth, B * C, L) + transform_cost(back, B * C, L)

    def extra_repr(self) -> str:
        return str(self.channels)


def _mixer(channels: int, spatial: Shape) -> AdaptiveSpectralBlock1d:
    return AdaptiveSpectralBlock1d(channels)


CARD = Card(
    operators=(AdaptiveSpectralBlock1d,),
    reference=reference,
    papers=(
        Paper(
            "Eldele, Ragab, Chen, Wu and Li",
            2024,
            "TSLANet: Rethinking Transformers for Time Series Representation Learning",
            "https://arxiv.org/abs/2404.08472",
        ),
    ),
    laws=frozenset({Law.SHIFT_EQUIVARIANT}),
    cases=(
        Case((2, 3, 8), lambda: AdaptiveSpectralBlock1d(3)),
        Case((1, 2, 9), lambda: AdaptiveSpectralBlock1d(2)),
        Case((2, 2, 2), lambda: AdaptiveSpectralBlock1d(2)),
    ),
    refuses=(
        BadInput((2, 4, 8), lambda: AdaptiveSpectralBlock1d(3), says="C = 3"),
        BadInput((3, 8), lambda: AdaptiveSpectralBlock1d(3), says="(B, C, L)"),
    ),
    mixer=_mixer,
    exempt={
        "first_derivative": "the gradient of the threshold is a straight-through estimate",
        "second_derivative": "the gradient of the threshold is a straight-through estimate",
    },
)
