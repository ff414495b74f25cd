"""Local convolution: each position's own taps, read once for a tile of the channels that share them.

A set is a group of channels of one image: b G + g. Nothing is unfolded and nothing is scattered.
"""

import triton
import triton.language as tl

from circulant.backends.triton.kernels.windows import (
    along_axes,
    sample_met,
    set_and_block,
    target_meeting,
)


@triton.jit
def output(
    x, weight, y, source, target, kernel, steps, source_samples, target_samples, taps, channels,
    ROWS: tl.constexpr, BLOCK: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """A tile of the output's channels and positions; `channels` counts those of a set."""
    group, block = set_and_block(target_samples, BLOCK)
    row = tl.program_id(1) * ROWS + tl.arange(0, ROWS)[:, None]
    flat = block * BLOCK + tl.arange(0, BLOCK)[None, :]
    place, wanted = along_axes(flat, target), flat < target_samples
    plane = group * channels + row
    total = tl.zeros((ROWS, BLOCK), ADD)
    for tap in range(taps):
        at, inside = sample_met(place, tap, source, kernel, steps)
        factor = tl.load(weight + (group * taps + tap) * target_samples + flat, mask=wanted, other=0.0)
        seen = inside & wanted & (row < channels)
        value = tl.load(x + plane * source_samples + at, mask=seen, other=0.0)
        total += factor.to(ADD) * value.to(ADD)
    tl.store(y + plane * target_samples + flat, total, mask=wanted & (row < channels))


@triton.jit
def input_gradient(
    g, weight, x, source, target, kernel, steps, source_samples, target_samples, taps, channels,
    ROWS: tl.constexpr, BLOCK: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """A tile of the input's channels and positions, from every output that meets them."""
    group, block = set_and_block(source_samples, BLOCK)
    row = tl.program_id(1) * ROWS + tl.arange(0, ROWS)[:, None]
    flat = block * BLOCK + tl.arange(0, BLOCK)[None, :]
    place, wanted = along_axes(flat, source), flat < source_samples
    plane = group * channels + row
    total = tl.zeros((ROWS, BLOCK), ADD)
    for tap in range(taps):
        at, found = target_meeting(place, tap, target, kernel, steps)
        seen = found & wanted
        factor = tl.load(weight + (group * taps + tap) * target_samples + at, mask=seen, other=0.0)
        value = tl.load(g + plane * target_samples + at, mask=seen & (row < channels), other=0.0)
        total += factor.to(ADD) * value.to(ADD)
    tl.store(x + plane * source_samples + flat, total, mask=wanted & (row < channels))


@triton.jit
def kernel_gradient(
    x, g, weight, source, target, kernel, steps, source_samples, target_samples, taps, channels,
    ROWS: tl.constexpr, BLOCK: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """One tap of a set at a block of positions, summed over the channels that share it."""
    group, block = set_and_block(target_samples, BLOCK)
    tap = tl.program_id(1)
    flat = block * BLOCK + tl.arange(0, BLOCK)
    wanted = flat < target_samples
    at, inside = sample_met(along_axes(flat, target), tap, source, kernel, steps)
    total = tl.zeros((ROWS, BLOCK), ADD)
    for start in range(0, channels, ROWS):
        row = start + tl.arange(0, ROWS)[:, None]
        plane = group * channels + row
        seen = (inside & wanted)[None, :] & (row < channels)
        value = tl.load(x + plane * source_samples + at[None, :], mask=seen, other=0.0)
        gradient = tl.load(g + plane * target_samples + flat[None, :], mask=seen, other=0.0)
        total += value.to(ADD) * gradient.to(ADD)
    result = weight + (group * taps + tap) * target_samples + flat
    tl.store(result, tl.sum(total, axis=0), mask=wanted)
