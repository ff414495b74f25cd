"""Moving windows of scipy.ndimage, along one axis after the other; it uses one thread."""

from collections.abc import Callable
from math import inf
from typing import Any

from circulant.core.sizes import Shape

Array = Any
Arrays = Callable[..., Array]


def max_pool2d(shape: Shape, _threads: int) -> Arrays:
    from scipy import ndimage

    return _filtered(ndimage.maximum_filter1d, shape, -inf)


def avg_pool2d(shape: Shape, _threads: int) -> Arrays:
    from scipy import ndimage

    return _filtered(ndimage.uniform_filter1d, shape, 0.0)


def _filtered(along: Callable[..., Array], shape: Shape, outside: float) -> Arrays:
    """It knows no stride: rows and columns in between are computed and left out."""
    kernel, stride = shape[3:]

    def pooled(x: Array) -> Array:
        for axis in (2, 3):
            x = along(x, kernel, axis=axis, mode="constant", cval=outside)
        return x[:, :, ::stride, ::stride]

    return pooled
