"""What a network does to frequencies: responses of layers, aliasing where it strides, spectra on the way."""

from dataclasses import dataclass
from typing import Any, final

from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.core.evaluation import in_evaluation
from circulant.explain.aliasing_score import LayerAliasing, layer_aliasing
from circulant.explain.azimuthal_power_spectrum import (
    SMALLEST_SIDE,
    AzimuthalPowerSpectrum,
    azimuthal_power_spectrum,
)
from circulant.explain.frequency_response import FrequencyResponse, frequency_response
from circulant.explain.overview.layers import CONVOLVING, spread
from circulant.explain.overview.sight import DRAWN, FEW, spatial_calls

INPUT = "input"


@final
@dataclass(frozen=True, slots=True)
class LayerResponse:
    """How a layer carries small sinusoids over what it reads."""

    name: str
    response: FrequencyResponse

    @property
    def mean_frequency(self) -> float:
        """Where its gain lies on average, in cycles per sample; 0.25 for the same gain everywhere."""
        gain, frequency = self.response.gain, self.response.frequency
        total = float(gain.sum())
        return float((gain * frequency).sum()) / total if total else 0.0


@final
@dataclass(frozen=True, slots=True)
class Responses:
    """Some layers, evenly over the depth; layer_count is that of all."""

    layers: tuple[LayerResponse, ...]
    layer_count: int

    def numbers(self) -> dict[str, Any]:
        return {
            "layer_count": self.layer_count,
            "layers": [
                {
                    "name": one.name,
                    "mean_frequency": one.mean_frequency,
                    "frequency": one.response.frequency.tolist(),
                    "gain": one.response.gain.tolist(),
                }
                for one in self.layers
            ],
        }


@final
@dataclass(frozen=True, slots=True)
class Aliasing:
    """Every convolution with a stride, in the order in which they run."""

    layers: tuple[LayerAliasing, ...]

    def numbers(self) -> dict[str, Any]:
        return {
            "layers": [{"name": a.name, "nyquist": a.nyquist, "score": a.score} for a in self.layers],
        }


@final
@dataclass(frozen=True, slots=True)
class LayerSpectrum:
    """Power by frequency of the input, or of what a layer gives."""

    name: str
    spectrum: AzimuthalPowerSpectrum


@final
@dataclass(frozen=True, slots=True)
class Spectra:
    """The input first, then some layers, evenly over the depth."""

    layers: tuple[LayerSpectrum, ...]

    def numbers(self) -> dict[str, Any]:
        return {
            "layers": [
                {
                    "name": one.name,
                    "frequency": one.spectrum.frequency.tolist(),
                    "power": one.spectrum.power.mean(0).tolist(),
                    "share_above": float(one.spectrum.share_above().mean()),
                }
                for one in self.layers
            ],
        }


def responses(network: nn.Module, x: Tensor) -> Responses:
    calls = [c for c in spatial_calls(network, x[:FEW], CONVOLVING) if c.read.ndim == x.ndim]
    if not calls:
        raise ArgumentError("expected convolutions that keep the grid of the input, found none that ran")
    with in_evaluation(network):
        found = [LayerResponse(c.name, frequency_response(c.module, c.read)) for c in spread(calls, DRAWN)]
    return Responses(tuple(found), len(calls))


def aliasing(network: nn.Module, x: Tensor) -> Aliasing:
    with in_evaluation(network):
        found = layer_aliasing(network, x)
    if not found:
        raise ArgumentError("expected convolutions with a stride, found none that ran")
    return Aliasing(found)


def spectra(network: nn.Module, x: Tensor) -> Spectra:
    calls = spatial_calls(network, x[:FEW], CONVOLVING)
    large = [(call.name, call.gave) for call in calls if min(call.gave.shape[2:]) >= SMALLEST_SIDE]
    every = [(INPUT, x[:FEW]), *spread(large, DRAWN - 1)]
    return Spectra(tuple(LayerSpectrum(name, azimuthal_power_spectrum(values)) for name, values in every))
