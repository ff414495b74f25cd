"""The last upsampling of a generator by another, so that its pictures decay as real ones do.

A transposed convolution lays zeros between samples, which copies the spectrum, and leaves it to a small
kernel to take the copies away. Interpolation takes them away by itself. One such change at the end of a
generator is enough: what comes before it is made coarser than the copies' frequencies.

Chandrasegaran, Tran and Cheung, 2021, A Closer Look at Fourier Spectrum Discrepancies for CNN-generated
Images Detection, https://arxiv.org/abs/2103.17195. There the setups are called N.1.5 (nearest, one
convolution, 5x5), B.1.5, Z.1.5, N.3.5 and so on.
"""

from itertools import pairwise
from typing import final

from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.explain.upsampling_replicas import Upsampling
from circulant.optimise.replaced import Rewrite, replace


@final
class ZeroInsertion2d(nn.Module):
    """factor - 1 zeros after every sample.  Shapes: x (B, C, H, W) -> y (B, C, factor H, factor W)."""

    def __init__(self, factor: int = 2) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        finer = x.new_zeros(batch, channels, height, self.factor, width, self.factor)
        finer[:, :, :, 0, :, 0] = x
        return finer.flatten(4).flatten(2, 3)

    def extra_repr(self) -> str:
        return f"factor={self.factor}"


def last_upsample_swap(
    generator: nn.Module, upsampling: Upsampling, kernel: int = 5, convolutions: int = 1
) -> Rewrite:
    """Replace the last ConvTranspose2d that doubles the grid by an upsampling and convolutions.

    LINEAR is bilinear with aligned corners, as published. The new weights are drawn with the spread of
    those that they replace, a bias is kept: train again.
    """
    if kernel < 1 or kernel % 2 == 0 or convolutions < 1:
        raise ArgumentError(
            f"expected an odd kernel and one convolution or more, got kernel {kernel}, {convolutions}"
        )
    found = [module for module in generator.modules() if type(module) is nn.ConvTranspose2d]
    doubling = [layer for layer in found if _doubles(layer)]
    if not doubling:
        raise ArgumentError(
            "expected a generator with a ConvTranspose2d that doubles the grid, without groups, "
            f"got {len(found)} transposed convolutions, none such"
        )
    last = doubling[-1]
    return replace(
        generator,
        lambda name, module: _swapped(last, upsampling, kernel, convolutions) if module is last else None,
    )


def _doubles(layer: nn.ConvTranspose2d) -> bool:
    padding: tuple[int, ...] = layer.padding  # type: ignore[assignment]
    reach = zip(layer.kernel_size, layer.dilation, padding, layer.output_padding, strict=True)
    grows = all(2 * p + 2 == d * (k - 1) + 1 + more for k, d, p, more in reach)
    return tuple(layer.stride) == (2, 2) and layer.groups == 1 and grows


def _swapped(
    layer: nn.ConvTranspose2d, upsampling: Upsampling, kernel: int, convolutions: int
) -> nn.Sequential:
    channels = [layer.in_channels] * convolutions + [layer.out_channels]
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        conv = nn.Conv2d(before, after, kernel, padding=kernel // 2, bias=layer.bias is not None)
        nn.init.normal_(conv.weight, std=float(layer.weight.detach().std()))
        if conv.bias is not None:
            nn.init.zeros_(conv.bias)
        layers.append(conv)
    if layer.bias is not None:
        layers[-1].load_state_dict({"bias": layer.bias}, strict=False)
    return nn.Sequential(_upsample(upsampling), *layers).to(layer.weight)


def _upsample(upsampling: Upsampling) -> nn.Module:
    match upsampling:
        case Upsampling.ZERO_INSERTION:
            return ZeroInsertion2d()
        case Upsampling.NEAREST:
            return nn.Upsample(scale_factor=2, mode="nearest")
        case Upsampling.LINEAR:
            return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
