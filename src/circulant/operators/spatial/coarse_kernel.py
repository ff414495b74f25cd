"""Strided convolutions on the coarse grid that their stride makes: which places hold their taps."""

from typing import Any

from torch import Tensor

from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape, effective_kernel, output_length, same_padding
from circulant.engine.conv_settings import ConvSettings
from circulant.engine.convolution import Boundary
from circulant.engine.space_to_depth import space_to_depth


def coarse_kernel(given: ConvSettings) -> tuple[Shape, Shape]:
    """Places along each axis, the fewest that hold all taps, and how many of them are before the first.

    Where the layer pads as much as it reaches, as many after as before.
    """
    axes = list(zip(given.kernel, given.stride, given.padding, given.dilation))
    before = tuple(-(-sides[0] // s) for _, s, sides, _ in axes)
    after = tuple((effective_kernel(k, d) - 1 - sides[0]) // s for k, s, sides, d in axes)
    if all(sides == same_padding(k, d) and sides[0] == sides[1] for k, _, sides, d in axes):
        after = before
    _require_whole(given, before, after)
    return tuple(b + a + 1 for b, a in zip(before, after)), before


def coarse_weight(weight: Tensor, given: ConvSettings, size: Shape, before: Shape) -> Tensor:
    """weight (O, I, *kernel) -> (O, product(stride) I, *size): its taps where they fall, zeros elsewhere."""
    wide = weight.new_zeros(*weight.shape[:2], *(n * s for n, s in zip(size, given.stride)))
    taps: Any = (...,)
    for k, s, sides, d, places in zip(given.kernel, given.stride, given.padding, given.dilation, before):
        first = s * places - sides[0]
        taps += (slice(first, first + d * (k - 1) + 1, d),)
    wide[taps] = weight
    return space_to_depth(wide, given.stride)


def _require_whole(given: ConvSettings, before: Shape, after: Shape) -> None:
    """Raise unless whole blocks give as many places as the layer gives samples, with zeros around."""
    blocks = 2 * max(given.kernel) * max(given.dilation)
    axes = zip(given.kernel, given.stride, given.padding, given.dilation, before, after)
    for k, s, sides, d, b, a in axes:
        if output_length(s * blocks, k, s, sides, d) != blocks + b - a:
            raise ArgumentError(f"expected padding that reaches as far as the kernel, got {given}")
    if given.boundary is not Boundary.ZEROS and any(map(any, given.padding)):
        raise ArgumentError(f"expected zeros around the input, got padding_mode {given.boundary.value!r}")
