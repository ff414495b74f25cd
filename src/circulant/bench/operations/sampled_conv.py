"""Deformable convolution: each tap reads at a place of its own and is weighted."""

from torch import Tensor

from circulant.bench.case import Function
from circulant.bench.operation import Operation, compiled, normal, ours, peer, plain
from circulant.bench.peers import grid_sample
from circulant.core.sizes import Shape
from circulant.engine.sampled_conv import sampled_conv

PARTS = 64  # of a pixel


def _operands(shape: Shape) -> tuple[Tensor, ...]:
    """Offsets of about a pixel, as trained layers have them; none so near to a line of the grid, where
    gradients jump, that float32 would take the other side of it."""
    batch, channels, pixels, kernel, groups = shape
    sites = (batch, groups, kernel**2)
    x, offset, modulation = normal(
        (batch, channels, pixels, pixels), (*sites, 2, pixels, pixels), (*sites, pixels, pixels)
    )
    return x, ((PARTS * offset).floor() + 0.5) / PARTS, modulation


def _engine(shape: Shape) -> Function:
    kernel = shape[3]
    size, padding = (kernel, kernel), ((kernel // 2,) * 2,) * 2

    def planned(x: Tensor, offset: Tensor, modulation: Tensor) -> Tensor:
        return sampled_conv(x, offset, modulation, size, stride=(1, 1), padding=padding, dilation=(1, 1))

    return planned


DEFORMABLE_CONV2D = Operation(
    ("batch", "channels", "pixels", "kernel", "groups"),
    _operands,
    grid_sample.deformable_conv2d_by_taps,  # the problem's own reference has no derivatives
    (
        ours(_engine),
        plain("grid_sample code", grid_sample.deformable_conv2d),
        compiled("grid_sample code", grid_sample.deformable_conv2d),
        peer("grid_sample code, tap by tap", grid_sample.deformable_conv2d_by_taps),
        compiled("grid_sample code, tap by tap", grid_sample.deformable_conv2d_by_taps),
    ),
)
