"""Convolution of series with a few taps: one after another in code, weights in registers."""

import triton
import triton.language as tl


@triton.jit
def correlate(
    x, weight, y, x_samples, y_samples, origin, step, shares, sums, channels, rows,
    TAPS: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """y[row, p] = sum over copies and taps of w[above % channels, m] x[above // shares, origin + step m + p].

    above = row sums + copy: `sums` rows of the weight make one row of y, `shares` of them share one of x.
    """
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)[:, None]
    place = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)[None, :]
    total = tl.zeros((ROWS, BLOCK), ADD)
    for copy in range(sums):
        above = row * sums + copy
        for tap in tl.static_range(TAPS):
            at = place + origin + step * tap
            factor = tl.load(weight + above % channels * TAPS + tap, mask=row < rows, other=0.0).to(ADD)
            seen = (at >= 0) & (at < x_samples) & (place < y_samples) & (row < rows)
            value = tl.load(x + above // shares * x_samples + at, mask=seen, other=0.0)
            total += factor * value.to(ADD)
    tl.store(y + row * y_samples + place, total, mask=(place < y_samples) & (row < rows))
