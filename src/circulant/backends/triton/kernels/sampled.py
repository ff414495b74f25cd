"""Sampled convolution: 2^n corners around each tap's place, found once for a tile of channels.

SLOPES has a bit for each of (depth, row, column) along which the samples' slope is taken instead of
their interpolation: with it the three sums below are closed under differentiation. A set is a group
of channels of one image: b G + g. Nothing is unfolded.
"""

import triton
import triton.language as tl

from circulant.backends.triton.kernels.windows import along_axes, set_and_block


@triton.jit
def within(place, size, ADD: tl.constexpr):
    """Places between -2 and size; a size of 1 is a constant, which has no dtype of its own."""
    return tl.minimum(tl.maximum(place, -2.0), tl.full((1, 1), size, ADD))


@triton.jit
def places(place, tap, moves, between, wanted, source, kernel, steps, NDIM: tl.constexpr, ADD: tl.constexpr):
    """Where a tap reads along (depth, row, column): whole samples, and what is left of each.

    moves points at the tap's first offset; offsets of the axes lie `between` apart. Two samples before
    the first count as far outside: there neither corner is inside, nor any slope.
    """
    stride, dilation, before = steps
    row = (place[1] * stride[1] + tap // kernel[2] % kernel[1] * dilation[1] - before[1]).to(ADD)
    column = (place[2] * stride[2] + tap % kernel[2] * dilation[2] - before[2]).to(ADD)
    if NDIM >= 2:
        row += tl.load(moves + (NDIM - 2) * between, mask=wanted, other=0.0).to(ADD)
    column += tl.load(moves + (NDIM - 1) * between, mask=wanted, other=0.0).to(ADD)
    row = within(row, source[1], ADD)
    column = within(column, source[2], ADD)
    low1, low2 = tl.floor(row), tl.floor(column)
    if NDIM == 3:
        depth = (place[0] * stride[0] + tap // (kernel[1] * kernel[2]) * dilation[0] - before[0]).to(ADD)
        depth += tl.load(moves, mask=wanted, other=0.0).to(ADD)
        depth = within(depth, source[0], ADD)
        low0 = tl.floor(depth)
    else:
        depth, low0 = column, low2  # read by nobody
    lows = low0.to(tl.int32), low1.to(tl.int32), low2.to(tl.int32)
    return lows, (depth - low0, row - low1, column - low2)


@triton.jit
def along_axis_shared(low, rest, size, STEP: tl.constexpr, SLOPE: tl.constexpr):
    """The sample before (step 0) or after (step 1) a place, its share, and whether it is inside."""
    at = low + STEP
    interpolated = rest if STEP else 1 - rest
    share = rest * 0 + (2 * STEP - 1) if SLOPE else interpolated
    return at, share, (at >= 0) & (at < size)


@triton.jit
def corner_met(at, source, CORNER: tl.constexpr, NDIM: tl.constexpr, SLOPES: tl.constexpr):
    """One corner around a place: flat index of the sample, its share, and whether it is inside."""
    lows, rests = at
    flat, share, inside = along_axis_shared(lows[2], rests[2], source[2], CORNER & 1, SLOPES & 1)
    if NDIM >= 2:
        row, share1, inside1 = along_axis_shared(
            lows[1], rests[1], source[1], CORNER >> 1 & 1, SLOPES >> 1 & 1
        )
        flat, share, inside = row * source[2] + flat, share * share1, inside & inside1
    if NDIM == 3:
        depth, share0, inside0 = along_axis_shared(
            lows[0], rests[0], source[0], CORNER >> 2 & 1, SLOPES >> 2 & 1
        )
        flat, share, inside = depth * source[1] * source[2] + flat, share * share0, inside & inside0
    return flat, share, inside


@triton.jit
def output(
    x, offset, weight, y, source, target, kernel, steps, source_samples, target_samples, taps, channels,
    NDIM: tl.constexpr, SLOPES: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """A tile of the output's channels and positions; `channels` counts those of a set."""
    group, block = set_and_block(target_samples, BLOCK)
    row = tl.program_id(1) * ROWS + tl.arange(0, ROWS)[:, None]
    flat = block * BLOCK + tl.arange(0, BLOCK)[None, :]
    place, wanted = along_axes(flat, target), flat < target_samples
    plane = group * channels + row
    total = tl.zeros((ROWS, BLOCK), ADD)
    for tap in range(taps):
        site = group * taps + tap
        moves = offset + site * NDIM * target_samples + flat
        at = places(place, tap, moves, target_samples, wanted, source, kernel, steps, NDIM, ADD)
        factor = tl.load(weight + site * target_samples + flat, mask=wanted, other=0.0).to(ADD)
        for corner in tl.static_range(2**NDIM):
            met, share, inside = corner_met(at, source, corner, NDIM, SLOPES)
            seen = inside & wanted & (row < channels)
            value = tl.load(x + plane * source_samples + met, mask=seen, other=0.0)
            total += factor * share * value.to(ADD)
    tl.store(y + plane * target_samples + flat, total, mask=wanted & (row < channels))


@triton.jit
def input_gradient(
    g, offset, weight, x, source, target, kernel, steps, source_samples, target_samples, taps, channels,
    NDIM: tl.constexpr, SLOPES: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """The same tile's gradients scattered into x, by atomic sums: any sample may be read from anywhere."""
    group, block = set_and_block(target_samples, BLOCK)
    row = tl.program_id(1) * ROWS + tl.arange(0, ROWS)[:, None]
    flat = block * BLOCK + tl.arange(0, BLOCK)[None, :]
    place, wanted = along_axes(flat, target), flat < target_samples
    plane = group * channels + row
    there = wanted & (row < channels)
    gradient = tl.load(g + plane * target_samples + flat, mask=there, other=0.0).to(ADD)
    for tap in range(taps):
        site = group * taps + tap
        moves = offset + site * NDIM * target_samples + flat
        at = places(place, tap, moves, target_samples, wanted, source, kernel, steps, NDIM, ADD)
        factor = tl.load(weight + site * target_samples + flat, mask=wanted, other=0.0).to(ADD)
        for corner in tl.static_range(2**NDIM):
            met, share, inside = corner_met(at, source, corner, NDIM, SLOPES)
            shares = factor * share * gradient
            tl.atomic_add(x + plane * source_samples + met, shares, mask=inside & there, sem="relaxed")


@triton.jit
def kernel_gradient(
    x, offset, g, weight, source, target, kernel, steps, source_samples, target_samples, taps, channels,
    NDIM: tl.constexpr, SLOPES: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """One tap of a set at a block of positions, summed over the channels that share it."""
    group, block = set_and_block(target_samples, BLOCK)
    tap = tl.program_id(1)
    flat = block * BLOCK + tl.arange(0, BLOCK)[None, :]
    wanted, site = flat < target_samples, group * taps + tap
    moves = offset + site * NDIM * target_samples + flat
    place = along_axes(flat, target)
    at = places(place, tap, moves, target_samples, wanted, source, kernel, steps, NDIM, ADD)
    total = tl.zeros((ROWS, BLOCK), ADD)
    for start in range(0, channels, ROWS):
        row = start + tl.arange(0, ROWS)[:, None]
        plane, there = group * channels + row, wanted & (row < channels)
        gradient = tl.load(g + plane * target_samples + flat, mask=there, other=0.0).to(ADD)
        for corner in tl.static_range(2**NDIM):
            met, share, inside = corner_met(at, source, corner, NDIM, SLOPES)
            value = tl.load(x + plane * source_samples + met, mask=inside & there, other=0.0)
            total += gradient * share * value.to(ADD)
    column = block * BLOCK + tl.arange(0, BLOCK)
    result = weight + site * target_samples + column
    tl.store(result, tl.sum(total, axis=0), mask=column < target_samples)
