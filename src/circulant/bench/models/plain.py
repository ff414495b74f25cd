"""Networks in torch's own layers, as one has them without circulant: what everybody else is given."""

from copy import deepcopy
from typing import final

import torch
from torch import Tensor, nn

from circulant.models.hyena import HyenaMixer
from circulant.operators.sequence.short_conv import ShortConv
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d
from circulant.optimise.replaced import replace


def plain(network: nn.Module) -> nn.Module:
    """A copy for inference with the same weights and none of circulant's operators."""
    return replace(deepcopy(network), _plain_layer).module.requires_grad_(False)


def _plain_layer(name: str, layer: nn.Module) -> nn.Module | None:
    if isinstance(layer, DepthwiseConv2d):
        return layer.to_conv()
    return PlainHyenaMixer(layer) if isinstance(layer, HyenaMixer) else None


@final
class PlainHyenaMixer(nn.Module):
    """A HyenaMixer's equation by torch.fft.  Shapes: x (B, C, L) -> y (B, C, L)."""

    def __init__(self, mixer: HyenaMixer) -> None:
        super().__init__()
        self.project, self.output = mixer.project, mixer.output
        self.kernel, self.skip = mixer.convolution.kernel, mixer.convolution.skip
        self.short = _short_conv(mixer.short)

    def forward(self, x: Tensor) -> Tensor:
        L = x.shape[2]
        q, k, v = self.short(self.project(x.transpose(1, 2)).transpose(1, 2))[..., :L].chunk(3, 1)
        z = k * v
        spectrum = torch.fft.rfft(z, n=2 * L) * torch.fft.rfft(self.kernel(L), n=2 * L)
        y = torch.fft.irfft(spectrum, n=2 * L)[..., :L] + self.skip[:, None] * z
        return self.output((q * y).transpose(1, 2)).transpose(1, 2)


def _short_conv(short: ShortConv) -> nn.Conv1d:
    """Its result is longer by what looks ahead."""
    C, K = short.channels, short.taps
    conv = nn.Conv1d(C, C, K, padding=K - 1, groups=C, bias=short.bias is not None)
    conv.load_state_dict(short.state_dict())
    return conv
