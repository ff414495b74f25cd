"""Published densities of weighted convolutions, and what a caller may give instead."""

from collections.abc import Sequence

from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape

DENSITIES = {1: (), 3: (0.7,), 5: (0.2, 0.8), 7: (0.25, 0.15, 0.55)}  # published, by the size of the kernel
FIRST_LEARNT = {**DENSITIES, 7: (0.27, 0.17, 0.54)}  # where the published trainable form starts


def density_values(
    kernel: Shape, density: Sequence[float] | None, published: dict[int, tuple[float, ...]]
) -> list[float]:
    """As many numbers as K // 2, from the rim inwards."""
    K = kernel[0]
    if K % 2 == 0 or any(size != K for size in kernel):
        raise ArgumentError(f"expected an odd kernel_size, the same along each axis, got {kernel}")
    if density is None and K not in published:
        raise ArgumentError(
            f"expected a density for kernel_size = {K}; published ones go up to 7: give {K // 2} numbers"
        )
    values = list(published[K] if density is None else map(float, density))
    if len(values) != K // 2:
        raise ArgumentError(
            f"expected a density of {K // 2} numbers from the rim inwards for kernel_size = {K}, "
            f"got {len(values)}"
        )
    return values
