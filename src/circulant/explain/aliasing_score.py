"""How much of a layer's input its coarser output grid cannot hold: the aliasing score.

After Chen, Gu and Fu (2024), When Semantic Segmentation Meets Frequency Aliasing,
https://arxiv.org/abs/2403.09065: the share of energy outside the box of frequencies up to Nyquist's, which
follows from the equivalent sampling rate of the layer.
"""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.core.hooks import watching
from circulant.core.pairs import power
from circulant.engine.conv_settings import CONVOLUTIONS
from circulant.engine.transform import rfftn
from circulant.operators.spectral.low_pass import kept_bins, nyquist_frequency, require_cutoff


@final
@dataclass(frozen=True, slots=True)
class LayerAliasing:
    """Of one strided convolution; the frequency in cycles per sample of its input."""

    name: str
    nyquist: float
    score: float  # mean over examples, 0 to 1


def aliasing_score(features: Tensor, cutoff: float) -> Tensor:
    """Share of the energy of features (B, C, *spatial) at |f| > cutoff along some axis -> (B,); 0 of nothing.

    cutoff in cycles per sample: a layer's `nyquist_frequency`.
    """
    require_cutoff(cutoff)
    ndim = features.ndim - 2
    if ndim < 1 or features.numel() == 0:
        raise ArgumentError(f"expected features (B, C, *spatial), not empty, got {tuple(features.shape)}")
    sizes = tuple(features.shape[2:])
    energy = power(rfftn(features.double(), ndim))
    has_mirror_image = torch.ones(energy.shape[-1], device=energy.device)
    has_mirror_image[1 : (sizes[-1] + 1) // 2] = 2
    energy = energy * has_mirror_image
    outside = torch.where(kept_bins(sizes, cutoff, energy.device), 0.0, energy).flatten(1).sum(1)
    total = energy.flatten(1).sum(1)
    return torch.where(total > 0, outside / total.where(total > 0, torch.ones_like(total)), 0.0)


def layer_aliasing(network: nn.Module, x: Tensor) -> tuple[LayerAliasing, ...]:
    """Score of the input of every convolution with a stride, in the order in which they run on x."""
    found: list[LayerAliasing] = []

    def see(name: str, layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        cutoff = nyquist_frequency(layer.in_channels, layer.out_channels, layer.stride)
        found.append(LayerAliasing(name, cutoff, float(aliasing_score(inputs[0], cutoff).mean())))

    layers = {
        name: layer
        for name, layer in network.named_modules()
        if isinstance(layer, CONVOLUTIONS) and max(layer.stride) > 1
    }
    with watching(layers, see), torch.no_grad():
        network(x)
    return tuple(found)
