"""Long convolution in one pass: each row is read once, transformed in a tile, and written once."""

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
def spectrum(
    kernel, tables, spectra, signal,
    N1: tl.constexpr, N2: tl.constexpr, FULL: tl.constexpr, PRECISION: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """The transform of one row, real and imaginary plane: spectra (rows, 2, N)."""
    row = tl.program_id(0).to(tl.int64)
    at = positions(N1, N2)
    samples = kernel + row * signal[2]
    re = read(samples, None, at, signal, False, ADD)
    im = read(samples, None, at + N1 * N2, signal, False, ADD) if FULL else re
    re, im = forward(re, im, tables, N1, N2, FULL, PRECISION)
    tl.store(spectra + row * 2 * N1 * N2 + at, re)
    tl.store(spectra + row * 2 * N1 * N2 + N1 * N2 + at, im)


@triton.jit
def convolve(
    x, spectra, y, tables, signal, window, gate_in, gate_out, skip, batches, images,
    N1: tl.constexpr, N2: tl.constexpr, REVERSE: tl.constexpr, FULL_IN: tl.constexpr, FULL_OUT: tl.constexpr,
    PRECISION: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """A share of the batch in one channel."""
    channel, channels = tl.program_id(0).to(tl.int64), tl.num_programs(0)
    at, N = positions(N1, N2), N1 * N2
    c = tl.load(spectra + channel * 2 * N + at)
    s = tl.load(spectra + channel * 2 * N + N + at)
    factor = shifted(skip, channel)
    first = tl.program_id(1) * images
    for batch in tl.range(first, tl.minimum(first + images, batches), disable_licm=True):
        start = (batch * channels + channel) * signal[2]
        samples, result = x + start, y + (batch * channels + channel) * window[1]
        before, after = shifted(gate_in, start), shifted(gate_out, start)
        re = read(samples, before, at, signal, REVERSE, ADD)
        im = read(samples, before, at + N, signal, REVERSE, ADD) if FULL_IN else re
        re, im = forward(re, im, tables, N1, N2, FULL_IN, PRECISION)
        re, im = re * c - im * s, re * s + im * c
        re, im = inverse(re, im, tables, N1, N2, FULL_OUT, PRECISION)
        write(result, re / N, at, window, samples, before, after, factor, REVERSE, ADD)
        if FULL_OUT:
            write(result, im / N, at + N, window, samples, before, after, factor, REVERSE, ADD)


@triton.jit
def correlate(
    g, x, partial, tables, forwards, backwards, window, batches, images,
    N1: tl.constexpr, N2: tl.constexpr, FULL_FIRST: tl.constexpr, FULL_SECOND: tl.constexpr,
    FULL_OUT: tl.constexpr, PRECISION: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """g times x reversed, summed over a share of the batch: partial (shares, channels, count)."""
    channel, channels = tl.program_id(0).to(tl.int64), tl.num_programs(0)
    at, N = positions(N1, N2), N1 * N2
    total_re, total_im = tl.zeros((N1, N2), ADD), tl.zeros((N1, N2), ADD)
    first = tl.program_id(1) * images
    for batch in tl.range(first, tl.minimum(first + images, batches), disable_licm=True):
        row = batch * channels + channel
        a = read(g + row * forwards[2], None, at, forwards, False, ADD)
        b = read(g + row * forwards[2], None, at + N, forwards, False, ADD) if FULL_FIRST else a
        a, b = forward(a, b, tables, N1, N2, FULL_FIRST, PRECISION)
        c = read(x + row * backwards[2], None, at, backwards, True, ADD)
        s = read(x + row * backwards[2], None, at + N, backwards, True, ADD) if FULL_SECOND else c
        c, s = forward(c, s, tables, N1, N2, FULL_SECOND, PRECISION)
        total_re += a * c - b * s
        total_im += a * s + b * c
    re, im = inverse(total_re, total_im, tables, N1, N2, FULL_OUT, PRECISION)
    result = partial + (tl.program_id(1) * channels + channel) * window[1]
    write(result, re / N, at, window, None, None, None, None, False, ADD)
    if FULL_OUT:
        write(result, im / N, at + N, window, None, None, None, None, False, ADD)
