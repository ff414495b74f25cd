"""Output lengths, paddings and transform lengths: each formula once."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from circulant.core.errors import ArgumentError

Shape = tuple[int, ...]


def per_axis(value: int | Iterable[int], ndim: int, name: str) -> Shape:
    """One integer for each of ndim axes, as torch.nn.ConvNd takes them."""
    sizes = tuple(value) if isinstance(value, Iterable) else (value,) * ndim
    if len(sizes) == 1:
        sizes = sizes * ndim
    if len(sizes) != ndim or not all(isinstance(size, int) for size in sizes):
        raise ArgumentError(f"expected {name} as one int or {ndim}, got {value!r}")
    return sizes


def effective_kernel(kernel: int, dilation: int) -> int:
    """Samples from the first tap to the last."""
    return dilation * (kernel - 1) + 1


def output_length(length: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int) -> int:
    """Samples of a convolution's output along one axis; below 1 when the kernel does not fit."""
    return (length + sum(padding) - effective_kernel(kernel, dilation)) // stride + 1


def transposed_length(
    length: int, kernel: int, stride: int, padding: int, dilation: int, output_padding: int
) -> int:
    """Samples of a transposed convolution's output along one axis."""
    return (length - 1) * stride - 2 * padding + effective_kernel(kernel, dilation) + output_padding


def same_padding(kernel: int, dilation: int) -> tuple[int, int]:
    """Zeros before and after that keep the length at stride 1; an even kernel pads once more after."""
    total = dilation * (kernel - 1)
    return total // 2, total - total // 2


def product(sizes: Sequence[int]) -> int:
    result = 1
    for size in sizes:
        result *= size
    return result


@lru_cache(maxsize=4096)
def smooth_length(n: int) -> int:
    """Smallest 2^a 3^b 5^c that is at least n: a length every FFT library transforms fast."""
    best = 1 << max(n - 1, 0).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            quotient = -(-n // three)
            best = min(best, three << max(quotient - 1, 0).bit_length())
            three *= 3
        five *= 5
    return best
