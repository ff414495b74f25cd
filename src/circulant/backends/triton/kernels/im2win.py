"""Products of filters with windows laid out by im2win, each window one run of kh kw numbers."""

import triton
import triton.language as tl


@triton.jit
def products(
    laid_out, filters, y, channels, out_channels, rows, columns, length, taps, kernel_columns,
    stride, dilation, OUT: tl.constexpr, INNER: tl.constexpr, PLACES: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """A tile of a group's output channels and places.

    laid_out (B, G, channels, rows, length), filters (kw, G, out_channels, channels taps), y (B, G,
    out_channels, rows, columns). stride and dilation are along the columns, in runs of `taps` numbers.
    """
    group, groups = tl.program_id(1), tl.num_programs(1)
    blocks = (out_channels + OUT - 1) // OUT
    image, first = (tl.program_id(2) // blocks).to(tl.int64), tl.program_id(2) % blocks * OUT
    out = first + tl.arange(0, OUT)[:, None]
    place = tl.program_id(0) * PLACES + tl.arange(0, PLACES)[None, :]
    run = place // columns * length + place % columns * stride * taps
    inner, wide = channels * taps, image * groups + group
    total = tl.zeros((OUT, PLACES), ADD)
    for column in range(kernel_columns):
        factors = filters + ((column * groups + group).to(tl.int64) * out_channels + out) * inner
        numbers = laid_out + wide * channels * rows * length + run + column * dilation * taps
        for start in range(0, inner, INNER):
            across = start + tl.arange(0, INNER)[None, :]
            factor = tl.load(factors + across, mask=(out < out_channels) & (across < inner), other=0.0)
            down = start + tl.arange(0, INNER)[:, None]
            met = (down < inner) & (place < rows * columns)
            number = tl.load(numbers + down // taps * rows * length + down % taps, mask=met, other=0.0)
            total += tl.dot(factor.to(ADD), number.to(ADD), input_precision="ieee")
    result = y + (wide * out_channels + out) * rows * columns + place
    tl.store(result, total, mask=(out < out_channels) & (place < rows * columns))
