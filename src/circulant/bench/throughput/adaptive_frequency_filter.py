"""Adaptive frequency filters on feature maps of a picture network."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spectral.adaptive_frequency_filter import AdaptiveFrequencyFilter2d


def _make(shape: Shape) -> AdaptiveFrequencyFilter2d:
    module = AdaptiveFrequencyFilter2d(shape[1])
    with torch.no_grad():  # far from the kinks of relu and shrink, where rounding would choose the slope
        module.first_bias.sign_()
        module.second_bias.sign_()
    return module


def _torch_fft(module: AdaptiveFrequencyFilter2d, x: Tensor) -> Tensor:
    spectrum = torch.fft.rfft2(x, norm="ortho")

    def mapped(z: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        blocks = z.unflatten(1, (module.blocks, -1))
        made = torch.einsum("goi,bgihw->bgohw", torch.view_as_complex(weight), blocks)
        return made.flatten(1, 2) + torch.view_as_complex(bias)[:, None, None]

    hidden = torch.view_as_real(mapped(spectrum, module.first_weight, module.first_bias)).relu()
    made = mapped(torch.view_as_complex(hidden), module.second_weight, module.second_bias)
    gains = torch.view_as_complex(F.softshrink(torch.view_as_real(made), module.threshold))
    return x + torch.fft.irfft2(gains * spectrum, s=x.shape[2:], norm="ortho")


ENTRY = Throughput(
    make=_make,
    shapes=((8, 64, 32, 32), (8, 128, 64, 64)),
    obvious={"torch.fft": _torch_fft},
    lowered=False,
)
