"""The transforms of ducc0."""

from collections.abc import Callable
from typing import Any

from circulant.core.sizes import Shape

Array = Any
Arrays = Callable[..., Array]


def long_conv_by_axis(_shape: Shape, threads: int) -> Arrays:
    """convolve_axis takes one kernel, so that every channel is a call of its own."""
    import ducc0
    import numpy as np

    def convolved(x: Array, kernel: Array) -> Array:
        batch, channels, length = x.shape
        padded = np.zeros((channels, batch, 2 * length), x.dtype)
        padded[..., :length] = x.swapaxes(0, 1)
        taps = np.zeros((channels, 2 * length), x.dtype)
        taps[:, : kernel.shape[-1]] = kernel
        for images, one in zip(padded, taps):
            ducc0.fft.convolve_axis(images, images, 1, one, nthreads=threads)
        return padded[..., :length].swapaxes(0, 1)

    return convolved


def long_conv_by_transforms(shape: Shape, threads: int) -> Arrays:
    """r2c and c2r over all channels at once, of the shortest length that ducc0 finds good."""
    import ducc0
    import numpy as np

    length = shape[2]
    room = ducc0.fft.good_size(2 * length - 1, True)

    def spectrum(values: Array) -> Array:
        padded = np.zeros((*values.shape[:-1], room), values.dtype)
        padded[..., : values.shape[-1]] = values
        return ducc0.fft.r2c(padded, axes=(values.ndim - 1,), nthreads=threads)

    def convolved(x: Array, kernel: Array) -> Array:
        product = spectrum(x) * spectrum(kernel)
        full = ducc0.fft.c2r(
            product, axes=(2,), lastsize=room, forward=False, inorm=2, nthreads=threads,
            allow_overwriting_input=True,
        )  # fmt: skip
        return full[..., :length]

    return convolved
