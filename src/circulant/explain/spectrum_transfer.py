r"""How a module carries each frequency of its input to its output: the transfer of the spectrum.

A convolution that wraps around the grid moves every frequency alone. With the spectra G of N = N_1 .. N_d
samples per channel,

    G_out[o, u] = sum_i T[o, i, u] G_in[i, u] + N bias[o] delta(u),

T is the spectrum of the response to one impulse: of a cross-correlation, the conjugate of its kernel's
spectrum, turned by the phase of the padding. Layers that follow one another multiply their T.

Nothing else of a network does so: where zeros are laid around the input, or an activation stands between,
frequencies mix. The impulse response then still gives a T, and `deviation` tells how little it says.

Tang, Shen, Zhou, Chen and Zhang, 2022, Defects of Convolutional Decoder Networks in Frequency
Representation, https://arxiv.org/abs/2210.09020. Only its abstract was at hand.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from circulant.core.errors import ShapeError
from circulant.core.pairs import power, view
from circulant.core.sizes import Shape, product
from circulant.engine.transform import fftn, ifftn
from circulant.explain.centre_gradient import require_probe
from circulant.report.curve_panel import gain_curve
from circulant.report.fragment import standalone
from circulant.report.map_panel import plane_map


@final
@dataclass(frozen=True, slots=True)
class SpectrumTransfer:
    """In float64; complex values as pairs in a last axis of 2, frequencies in the order of the DFT."""

    transfer: Tensor  # (O, I, *spatial, 2)
    constant: Tensor  # (O,): the mean of the response to nothing, a convolution's bias
    deviation: float  # |predicted - real output| / |real output|, over the features that were given

    @property
    def spatial(self) -> Shape:
        return tuple(self.transfer.shape[2:-1])

    @property
    def gain(self) -> Tensor:
        """Root-mean-square |T| over pairs of channels, (*spatial)."""
        return power(self.transfer).mean((0, 1)).sqrt()

    def propagate(self, spectrum: Tensor) -> Tensor:
        """spectrum (B, I, *spatial, 2) -> (B, O, *spatial, 2)."""
        if spectrum.ndim != self.transfer.ndim or spectrum.shape[1:] != self.transfer.shape[1:]:
            expected = ", ".join(map(str, self.transfer.shape[1:]))
            raise ShapeError(
                f"expected a spectrum (B, {expected}), got {tuple(spectrum.shape)}; see spectrum_of"
            )
        result = torch.einsum("oi...,bi...->bo...", view(self.transfer), view(spectrum.double()))
        result.flatten(2)[..., 0] += product(self.spatial) * self.constant
        return torch.view_as_real(result)

    def plot(self) -> str:
        """A stand-alone SVG picture of the gain relative to the largest, by frequency."""
        relative = (self.gain / self.gain.max().clamp(min=1e-300)).cpu()
        if relative.ndim == 2:
            return standalone(plane_map(torch.fft.fftshift(relative).numpy(), "Gain of the spectrum"))
        half = relative.numel() // 2 + 1
        frequency = np.arange(half) / relative.numel()
        return standalone(gain_curve(frequency, relative[:half].numpy(), (), "Gain of the spectrum"))


def spectrum_of(features: Tensor) -> Tensor:
    """features (B, C, *spatial) -> their spectra (B, C, *spatial, 2), unnormalised, in float64."""
    real = features.double()
    return fftn(torch.stack([real, torch.zeros_like(real)], -1), features.ndim - 2)


def spectrum_transfer(module: nn.Module, features: Tensor) -> SpectrumTransfer:
    """Transfer of a module that keeps the grid, and how well it predicts the output for these features.

    Shapes: features (B, C, L) or (B, C, H, W). From the response to an impulse in the middle of each input
    channel, in float64 on a copy.
    """
    require_probe(module, features)
    channels, spatial = features.shape[1], tuple(features.shape[2:])
    middle = tuple(n // 2 for n in spatial)
    probes = torch.zeros(channels + 1, channels, *spatial, dtype=torch.float64, device=features.device)
    for channel in range(channels):
        probes[(channel, channel, *middle)] = 1
    twin = deepcopy(module).to(torch.float64)
    with torch.no_grad():
        responses, output = twin(probes), twin(features.double())
    if responses.ndim != features.ndim or tuple(responses.shape[2:]) != spatial:
        raise ShapeError(
            f"expected a module that keeps the grid {spatial}, got {tuple(responses.shape)}; "
            "leave out strides and the head of the network"
        )
    rest = responses[-1]  # to no input: the biases
    impulses = (responses[:-1] - rest).transpose(0, 1)
    at_origin = impulses.roll([-place for place in middle], tuple(range(2, features.ndim)))
    found = SpectrumTransfer(spectrum_of(at_origin), rest.flatten(1).mean(1), 0.0)
    predicted = ifftn(found.propagate(spectrum_of(features)), len(spatial))[..., 0]
    deviation = float((predicted - output).norm() / output.norm().clamp(min=1e-300))
    return SpectrumTransfer(found.transfer, found.constant, deviation)
