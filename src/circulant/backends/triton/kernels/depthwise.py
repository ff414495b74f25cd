"""Depthwise convolution over up to three axes: a tile of some planes in registers, taps one after another.

Neighbouring taps read almost the same samples, which the tile leaves in the level-1 cache. Indices are
found once for all planes of the tile. A row is a plane of the batch: b C + c.
"""

import triton
import triton.language as tl

from circulant.backends.triton.kernels.windows import along_axes, sample_met, target_meeting


@triton.jit
def output(
    x, weight, y, source, target, kernel, steps, source_samples, target_samples, taps, multiplier,
    channels, rows, ROWS: tl.constexpr, BLOCK: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """A tile of rows b O + o of the output; `channels` counts the output's."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)[:, None]
    flat = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)[None, :]
    place = along_axes(flat, target)
    samples = x + row // multiplier * source_samples
    factors = weight + row % channels * taps
    total = tl.zeros((ROWS, BLOCK), ADD)
    for tap in range(taps):
        at, inside = sample_met(place, tap, source, kernel, steps)
        factor = tl.load(factors + tap, mask=row < rows, other=0.0).to(ADD)
        seen = inside & (flat < target_samples) & (row < rows)
        total += factor * tl.load(samples + at, mask=seen, other=0.0).to(ADD)
    tl.store(y + row * target_samples + flat, total, mask=(flat < target_samples) & (row < rows))


@triton.jit
def input_gradient(
    g, weight, x, source, target, kernel, steps, source_samples, target_samples, taps, multiplier,
    channels, rows, ROWS: tl.constexpr, BLOCK: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """A tile of rows b I + i of the input, from every output that meets it: nothing is scattered."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)[:, None]
    flat = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)[None, :]
    place = along_axes(flat, source)
    total = tl.zeros((ROWS, BLOCK), ADD)
    for copy in range(multiplier):
        above = row * multiplier + copy
        factors = weight + above % channels * taps
        for tap in range(taps):
            at, found = target_meeting(place, tap, target, kernel, steps)
            factor = tl.load(factors + tap, mask=row < rows, other=0.0).to(ADD)
            seen = found & (flat < source_samples) & (row < rows)
            total += factor * tl.load(g + above * target_samples + at, mask=seen, other=0.0).to(ADD)
    tl.store(x + row * source_samples + flat, total, mask=(flat < source_samples) & (row < rows))


@triton.jit
def kernel_gradient(
    x, g, partial, source, target, kernel, steps, source_samples, target_samples, taps, multiplier,
    channels, batches, images, TAPS: tl.constexpr, BLOCK: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """A block of one output channel's taps over a share of the batch: partial (shares, channels, taps)."""
    channel = tl.program_id(0).to(tl.int64)
    tap = tl.program_id(1) * TAPS + tl.arange(0, TAPS)
    total = tl.zeros((TAPS, BLOCK), ADD)
    first = tl.program_id(2) * images
    for batch in range(first, tl.minimum(first + images, batches)):
        row = batch * channels + channel
        for start in range(0, target_samples, BLOCK):
            flat = start + tl.arange(0, BLOCK)[None, :]
            place = along_axes(flat, target)
            at, inside = sample_met(place, tap[:, None], source, kernel, steps)
            gradient = tl.load(g + row * target_samples + flat, mask=flat < target_samples, other=0.0)
            seen = inside & (flat < target_samples) & (tap[:, None] < taps)
            value = tl.load(x + row // multiplier * source_samples + at, mask=seen, other=0.0)
            total += value.to(ADD) * gradient.to(ADD)
    share = partial + (tl.program_id(2) * channels + channel) * taps
    tl.store(share + tap, tl.sum(total, axis=1), mask=tap < taps)
