"""A convolution before a shuffle as one transposed convolution."""

from typing import Any

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.core.sizes import effective_kernel
from circulant.core.sub_pixels import sub_pixel_shuffle
from circulant.engine.conv_settings import ConvSettings
from circulant.engine.convolution import Boundary

TorchTransposed = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d
LAYERS: dict[int, Any] = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


@torch.no_grad()
def transposed_layer(
    settings: ConvSettings, weight: Tensor, bias: Tensor | None, factor: int
) -> TorchTransposed:
    """Stride `factor` and factor K taps; the turned kernel, shuffled like a picture, is its kernel."""
    ndim, groups = settings.ndim, settings.groups
    O = settings.out_channels // factor**ndim
    _require_transposable(settings, O)
    alike = None if bias is None else bias.view(O, -1)
    if alike is not None and bool((alike != alike[:, :1]).any()):
        raise ArgumentError("expected one bias for all sub-pixels of a channel, got several; use bias=False")
    reach = tuple(map(effective_kernel, settings.kernel, settings.dilation))
    spread = weight.new_zeros(*weight.shape[:2], *reach)
    taps: Any = (..., *(slice(None, None, step) for step in settings.dilation))
    spread[taps] = weight
    turned = spread.flip(tuple(range(2, 2 + ndim)))
    by_input = turned.unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1)
    padding = tuple(factor * (k - 1 - before) for k, (before, _) in zip(reach, settings.padding))
    layer: TorchTransposed = LAYERS[ndim](
        settings.in_channels, O, tuple(factor * k for k in reach), factor, padding, groups=groups,
        bias=bias is not None, device=weight.device, dtype=weight.dtype,
    )  # fmt: skip
    layer.weight.copy_(sub_pixel_shuffle(by_input, factor, ndim))
    if alike is not None and layer.bias is not None:
        layer.bias.copy_(alike[:, 0])
    return layer


def _require_transposable(settings: ConvSettings, out_channels: int) -> None:
    axes = zip(settings.padding, settings.kernel, settings.dilation)
    fits = all(before == after < effective_kernel(k, d) for (before, after), k, d in axes)
    is_plain = max(settings.stride) == 1 and settings.boundary is Boundary.ZEROS
    if not (fits and is_plain) or out_channels % settings.groups:
        raise ArgumentError(
            "expected stride 1, zeros on both sides alike and fewer than the kernel spans, and out_channels "
            f"that are a multiple of groups, got {settings}; a transposed convolution knows nothing else"
        )
