"""Long convolution in several passes, for rows that no tile holds: N = N0 tiles of N' points.

First an outer transform over the N0 samples that lie N' apart; then each tile by itself, an ordinary
cyclic convolution; then the outer transform back. Between them rows lie in planes (rows, N0, 2, N').
Roots of unity are looked up: power j of the first 4 N0-th root, and powers of the first 4N-th root as
products of a coarse and a fine one.
"""

import triton
import triton.language as tl

from circulant.backends.triton.kernels.transform import (
    forward,
    inverse,
    positions,
    read,
    shifted,
    write,
)


@triton.jit
def outer_matrix(roots, value, sample, count):
    """exp(-i pi n0 (4 k0 - 1) / (2 N0)), real and imaginary part; roots (2, 4 N0)."""
    power = (tl.minimum(sample, count - 1) * (4 * value - 1) + 4 * count) % (4 * count)
    return tl.load(roots + power), tl.load(roots + 4 * count + power)


@triton.jit
def twiddles(coarse, fine, value, point, points, STEP: tl.constexpr):
    """exp(-i pi n' (4 k0 - 1) / (2 N)): coarse (2, 4N / STEP + 1), fine (2, STEP)."""
    power = point * (4 * value - 1)
    power = tl.where(power < 0, power + 4 * points, power)
    blocks = 4 * points // STEP + 1
    a, b = tl.load(coarse + power // STEP), tl.load(coarse + blocks + power // STEP)
    c, s = tl.load(fine + power % STEP), tl.load(fine + STEP + power % STEP)
    return a * c - b * s, a * s + b * c


@triton.jit
def split(
    x, planes, roots, coarse, fine, signal, gate, channels, first, some, count,
    INNER: tl.constexpr, BLOCK: tl.constexpr, SAMPLES: tl.constexpr, VALUES: tl.constexpr,
    STEP: tl.constexpr, REVERSE: tl.constexpr, FULL: tl.constexpr, PRECISION: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """Rows -> planes: `some` channels from `first` on, a block of points n' and of values k0."""
    number = tl.program_id(0).to(tl.int64)
    row = number // some * channels + first + number % some
    samples, before = x + row * signal[2], shifted(gate, row * signal[2])
    point = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)[None, :]
    value = tl.program_id(2) * VALUES + tl.arange(0, VALUES)[:, None]
    re, im = tl.zeros((VALUES, BLOCK), ADD), tl.zeros((VALUES, BLOCK), ADD)
    for start in range(0, count, SAMPLES):
        c, s = outer_matrix(roots, value, start + tl.arange(0, SAMPLES)[None, :], count)
        sample = start + tl.arange(0, SAMPLES)[:, None]
        at = tl.where(sample < count, sample * INNER + point, signal[0])  # past the end: zero
        a = read(samples, before, at, signal, REVERSE, ADD)
        re += tl.dot(c, a, input_precision=PRECISION)
        im += tl.dot(s, a, input_precision=PRECISION)
        if FULL:
            b = read(samples, before, at + count * INNER, signal, REVERSE, ADD)
            re -= tl.dot(s, b, input_precision=PRECISION)
            im += tl.dot(c, b, input_precision=PRECISION)
    c, s = twiddles(coarse, fine, tl.minimum(value, count - 1), point, count * INNER, STEP)
    result = planes + (number * count + value) * 2 * INNER + point
    tl.store(result, re * c - im * s, mask=value < count)
    tl.store(result + INNER, re * s + im * c, mask=value < count)


@triton.jit
def merge(
    planes, y, roots, coarse, fine, window, x, gate_in, gate_out, skip, channels, first, some, count,
    INNER: tl.constexpr, BLOCK: tl.constexpr, SAMPLES: tl.constexpr, VALUES: tl.constexpr,
    STEP: tl.constexpr, REVERSE: tl.constexpr, FULL: tl.constexpr, PRECISION: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """Planes -> rows: a block of points n' and of samples n0, gated as it is written."""
    number = tl.program_id(0).to(tl.int64)
    channel = first + number % some
    row = (number // some * channels + channel) * window[1]
    point = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)[None, :]
    sample = tl.program_id(2) * SAMPLES + tl.arange(0, SAMPLES)[:, None]
    re, im = tl.zeros((SAMPLES, BLOCK), ADD), tl.zeros((SAMPLES, BLOCK), ADD)
    for start in range(0, count, VALUES):
        value = start + tl.arange(0, VALUES)[:, None]
        source = planes + (number * count + value) * 2 * INNER + point
        a = tl.load(source, mask=value < count, other=0.0)
        b = tl.load(source + INNER, mask=value < count, other=0.0)
        c, s = twiddles(coarse, fine, tl.minimum(value, count - 1), point, count * INNER, STEP)
        a, b = a * c + b * s, b * c - a * s
        c, s = outer_matrix(roots, start + tl.arange(0, VALUES)[None, :], sample, count)
        re += tl.dot(c, a, input_precision=PRECISION) + tl.dot(s, b, input_precision=PRECISION)
        if FULL:
            im += tl.dot(c, b, input_precision=PRECISION) - tl.dot(s, a, input_precision=PRECISION)
    points, past = count * INNER, window[0] + window[1]
    at = tl.where(sample < count, sample * INNER + point, past)
    samples, before, after = shifted(x, row), shifted(gate_in, row), shifted(gate_out, row)
    factor = shifted(skip, channel)
    write(y + row, re / points, at, window, samples, before, after, factor, REVERSE, ADD)
    if FULL:
        write(y + row, im / points, at + points, window, samples, before, after, factor, REVERSE, ADD)


@triton.jit
def spectrum(planes, tables, N1: tl.constexpr, N2: tl.constexpr, PRECISION: tl.constexpr):
    """Each tile transformed in its place."""
    tile = planes + tl.program_id(0).to(tl.int64) * 2 * N1 * N2 + positions(N1, N2)
    re, im = tl.load(tile), tl.load(tile + N1 * N2)
    re, im = forward(re, im, tables, N1, N2, True, PRECISION)
    tl.store(tile, re)
    tl.store(tile + N1 * N2, im)


@triton.jit
def convolve(
    planes, spectra, tables, batches, some,
    N1: tl.constexpr, N2: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """One tile k0 of one channel convolved in its place, image after image."""
    number, value, count = tl.program_id(0).to(tl.int64), tl.program_id(1), tl.num_programs(1)
    at, N = positions(N1, N2), N1 * N2
    spectrum = spectra + (number * count + value) * 2 * N + at
    c, s = tl.load(spectrum), tl.load(spectrum + N)
    for batch in tl.range(batches, disable_licm=True):
        tile = planes + ((batch * some + number) * count + value) * 2 * N + at
        re, im = forward(tl.load(tile), tl.load(tile + N), tables, N1, N2, True, PRECISION)
        re, im = re * c - im * s, re * s + im * c
        re, im = inverse(re, im, tables, N1, N2, True, PRECISION)
        tl.store(tile, re)
        tl.store(tile + N, im)


@triton.jit
def correlate(
    first, second, result, tables, batches, some,
    N1: tl.constexpr, N2: tl.constexpr, PRECISION: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """One tile k0 of the two operands multiplied and summed over the batch."""
    number, value, count = tl.program_id(0).to(tl.int64), tl.program_id(1), tl.num_programs(1)
    at, N = positions(N1, N2), N1 * N2
    total_re, total_im = tl.zeros((N1, N2), ADD), tl.zeros((N1, N2), ADD)
    for batch in tl.range(batches, disable_licm=True):
        place = ((batch * some + number) * count + value) * 2 * N + at
        a, b = forward(tl.load(first + place), tl.load(first + place + N), tables, N1, N2, True, PRECISION)
        c, s = forward(tl.load(second + place), tl.load(second + place + N), tables, N1, N2, True, PRECISION)
        total_re += a * c - b * s
        total_im += a * s + b * c
    re, im = inverse(total_re, total_im, tables, N1, N2, True, PRECISION)
    tile = result + (number * count + value) * 2 * N + at
    tl.store(tile, re)
    tl.store(tile + N, im)
