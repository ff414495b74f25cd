"""scipy.signal, with as many workers as the others have threads."""

from collections.abc import Callable
from typing import Any

from circulant.core.sizes import Shape

Array = Any
Arrays = Callable[..., Array]


def fft_long_conv(_shape: Shape, threads: int) -> Arrays:
    return _long_conv("fftconvolve", threads)


def block_long_conv(_shape: Shape, threads: int) -> Arrays:
    """Overlap-add."""
    return _long_conv("oaconvolve", threads)


def fft_gated_long_conv(_shape: Shape, threads: int) -> Arrays:
    convolve = _long_conv("fftconvolve", threads)

    def gated(x: Array, kernel: Array, gate_in: Array, gate_out: Array) -> Array:
        return gate_out * convolve(x * gate_in, kernel)

    return gated


def fft_depthwise_conv2d(shape: Shape, threads: int) -> Arrays:
    return _depthwise_conv2d("fftconvolve", shape, threads)


def block_depthwise_conv2d(shape: Shape, threads: int) -> Arrays:
    return _depthwise_conv2d("oaconvolve", shape, threads)


def fixed_recurrence(_shape: Shape, _threads: int) -> Arrays:
    """lfilter takes one factor, so that every channel is a call of its own; it uses one thread."""
    import numpy as np
    from scipy.signal import lfilter

    def filtered(a: Array, x: Array) -> Array:
        h = np.empty_like(x)
        for channel, factor in enumerate(a):
            coefficients = np.array([1, -factor], x.dtype)
            h[:, channel] = lfilter(np.ones(1, x.dtype), coefficients, x[:, channel])
        return h

    return filtered


def _long_conv(name: str, threads: int) -> Arrays:
    import scipy.fft
    import scipy.signal

    convolve = getattr(scipy.signal, name)

    def convolved(x: Array, kernel: Array) -> Array:
        with scipy.fft.set_workers(threads):
            return convolve(x, kernel[None], axes=-1)[..., : x.shape[-1]]

    return convolved


def _depthwise_conv2d(name: str, shape: Shape, threads: int) -> Arrays:
    import scipy.fft
    import scipy.signal

    convolve = getattr(scipy.signal, name)
    _, _, pixels, kernel = shape
    first = kernel - 1 - kernel // 2

    def convolved(x: Array, weight: Array) -> Array:
        with scipy.fft.set_workers(threads):
            full = convolve(x, weight[:, 0, ::-1, ::-1][None], axes=(-2, -1))
        return full[..., first : first + pixels, first : first + pixels]

    return convolved
