"""The windows of its input that a layer multiplies with its weight."""

from typing import Any

import torch
from torch import Tensor, nn

from circulant.engine.conv_settings import settings_of
from circulant.engine.convolution import Boundary


def input_windows(layer: nn.Module, x: Tensor) -> Tensor:
    """Windows (B, *out, I, *kernel) of a convolution, x (B, I, *spatial); of a linear layer x (B, I) itself.

    Contracted with the weight over I and the taps, they are its output (without groups).
    """
    if isinstance(layer, nn.Linear):
        return x
    conv: Any = layer
    settings = settings_of(conv)
    widths = [width for sides in reversed(settings.padding) for width in sides]
    zeros = settings.boundary is Boundary.ZEROS
    windows = nn.functional.pad(x, widths, mode="constant" if zeros else settings.boundary.value)
    for axis, (taps, step, gap) in enumerate(zip(settings.kernel, settings.stride, settings.dilation), 2):
        windows = windows.unfold(axis, gap * (taps - 1) + 1, step)[..., ::gap]
    return torch.movedim(windows, 1, 1 + settings.ndim)
