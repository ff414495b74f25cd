"""The order-2 Monarch transform of a tile, and how rows of memory become tiles and results again.

A tile (N1, N2) holds N complex points, real and imaginary part apart: samples n and n + N of a real row,
n = N2 n1 + n2. The matrices turn it into values at the roots of z^N = i, in the order that they come.
"""

import triton
import triton.language as tl


@triton.jit
def positions(N1: tl.constexpr, N2: tl.constexpr):
    return tl.arange(0, N1)[:, None] * N2 + tl.arange(0, N2)[None, :]


@triton.jit
def matrix(table, SIZE: tl.constexpr):
    """Real and imaginary part of a square matrix."""
    at = tl.arange(0, SIZE)[:, None] * SIZE + tl.arange(0, SIZE)[None, :]
    return tl.load(table + at), tl.load(table + SIZE * SIZE + at)


@triton.jit
def forward(
    re, im, tables, N1: tl.constexpr, N2: tl.constexpr, FULL: tl.constexpr, PRECISION: tl.constexpr
):  # fmt: skip
    """Tile of samples -> tile of values. FULL: the imaginary part is not all zero.

    The tables, first matrix, twiddles, second matrix, are loaded where they are used: all of them
    at once would not leave room for the tile in registers.
    """
    f, g = matrix(tables, N1)
    a, b = tl.dot(f, re, input_precision=PRECISION), tl.dot(g, re, input_precision=PRECISION)
    if FULL:
        a -= tl.dot(g, im, input_precision=PRECISION)
        b += tl.dot(f, im, input_precision=PRECISION)
    twiddle = tables + 2 * N1 * N1 + positions(N1, N2)
    c, s = tl.load(twiddle), tl.load(twiddle + N1 * N2)
    a, b = a * c - b * s, a * s + b * c
    f, g = matrix(tables + 2 * N1 * (N1 + N2), N2)
    re = tl.dot(a, f, input_precision=PRECISION) - tl.dot(b, g, input_precision=PRECISION)
    im = tl.dot(a, g, input_precision=PRECISION) + tl.dot(b, f, input_precision=PRECISION)
    return re, im


@triton.jit
def inverse(
    re, im, tables, N1: tl.constexpr, N2: tl.constexpr, FULL: tl.constexpr, PRECISION: tl.constexpr
):  # fmt: skip
    """Tile of values -> tile of samples times N. Without FULL the imaginary part is not wanted."""
    f, g = matrix(tables + 2 * N1 * (N1 + N2), N2)
    a = tl.dot(re, f, input_precision=PRECISION) + tl.dot(im, g, input_precision=PRECISION)
    b = tl.dot(im, f, input_precision=PRECISION) - tl.dot(re, g, input_precision=PRECISION)
    twiddle = tables + 2 * N1 * N1 + positions(N1, N2)
    c, s = tl.load(twiddle), tl.load(twiddle + N1 * N2)
    a, b = a * c + b * s, b * c - a * s
    f, g = matrix(tables, N1)
    f, g = tl.trans(f), tl.trans(g)
    re = tl.dot(f, a, input_precision=PRECISION) + tl.dot(g, b, input_precision=PRECISION)
    im = re
    if FULL:
        im = tl.dot(f, b, input_precision=PRECISION) - tl.dot(g, a, input_precision=PRECISION)
    return re, im


@triton.jit
def read(row, gate, position, signal, REVERSE: tl.constexpr, ADD: tl.constexpr):
    """Samples of a row at positions of its signal: `extent` from `start` on, over and over."""
    extent, start, length = signal
    at = position + start
    at = tl.where(at >= length, at - length, at)
    at = tl.where(at >= length, at - length, at)
    if REVERSE:
        at = length - 1 - at
    value = tl.load(row + at, mask=position < extent, other=0.0).to(ADD)
    if gate is not None:
        value *= tl.load(gate + at, mask=position < extent, other=0.0).to(ADD)
    return value


@triton.jit
def write(row, value, position, window, x, gate_in, gate_out, skip, REVERSE: tl.constexpr, ADD: tl.constexpr):
    """The samples of a window, gate_out (value + skip gate_in x), into a row of `count`."""
    offset, count = window
    at = position - offset
    wanted = (at >= 0) & (at < count)
    if REVERSE:
        at = count - 1 - at
    if skip is not None:
        sample = tl.load(x + at, mask=wanted, other=0.0).to(ADD) * tl.load(skip).to(ADD)
        if gate_in is not None:
            sample *= tl.load(gate_in + at, mask=wanted, other=0.0).to(ADD)
        value += sample
    if gate_out is not None:
        value *= tl.load(gate_out + at, mask=wanted, other=0.0).to(ADD)
    tl.store(row + at, value, mask=wanted)


@triton.jit
def shifted(pointer, samples):
    """A pointer moved on, where there is one."""
    if pointer is not None:
        pointer += samples
    return pointer
