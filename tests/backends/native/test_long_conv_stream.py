"""The core's stream against the sum that defines it, in float64, and what it promises for each token."""

from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from statistics import median

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from circulant.backends.native import core
from circulant.backends.native.long_conv_stream import NativeLongConvStream
from circulant.core.tolerances import RELATIVE, relative_error

STREAM_TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-13}


def exact(x, kernel):
    """x (tokens, B, C), kernel (C, K): the sum over lags, in float64."""
    y = torch.zeros(x.shape, dtype=torch.float64)
    for lag in range(min(kernel.shape[1], x.shape[0])):
        y[lag:] += kernel[:, lag].double() * x[: x.shape[0] - lag].double()
    return y


def operands(tokens, batch, channels, taps, dtype=torch.float32, seed=0):
    source = torch.Generator().manual_seed(seed)
    x = torch.randn(tokens, batch, channels, generator=source, dtype=torch.float64)
    kernel = torch.randn(channels, taps, generator=source, dtype=torch.float64)
    return x.to(dtype), kernel.to(dtype)


def advance(stream, x, sizes):
    chunks = [
        stream.advance(x[stop - size : stop], None, None, size)
        for stop, size in zip(accumulate(sizes), sizes)
    ]
    return torch.cat(chunks)


def cut(tokens, size):
    return [min(size, tokens - start) for start in range(0, tokens, size)]


@pytest.mark.parametrize("taps", [1, 33, 129, 449, 1100])
@pytest.mark.parametrize("rows", [(1, 1), (2, 19), (3, 16)], ids=str)
def test_tokens_give_the_convolution(taps, rows, dtype, isa, nan_in_new_memory):
    x, kernel = operands(2 * taps + 200, *rows, taps, dtype)
    y = advance(NativeLongConvStream(kernel, rows[0], dtype), x, [1] * len(x))
    assert relative_error(y, exact(x, kernel)) < STREAM_TOLERANCE[dtype]


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 200), min_size=1, max_size=12),
    taps=st.sampled_from([2, 63, 64, 65, 191, 320, 321, 512, 1000]),
    batch=st.integers(1, 3),
    channels=st.integers(1, 18),
)
def test_chunks_of_any_sizes_give_the_convolution(sizes, taps, batch, channels):
    x, kernel = operands(sum(sizes), batch, channels, taps, seed=taps + sum(sizes))
    y = advance(NativeLongConvStream(kernel, batch, torch.float32), x, sizes)
    assert relative_error(y, exact(x, kernel)) < 1e-6


@settings(max_examples=25, deadline=None)
@given(
    before=st.integers(0, 1200),
    after=st.integers(1, 400),
    taps=st.sampled_from([1, 5, 64, 129, 321, 700, 1100]),
)
def test_a_stream_goes_on_after_any_past(before, after, taps):
    x, kernel = operands(before + after, 2, 5, taps, seed=before + after)
    stream = NativeLongConvStream(kernel, 2, torch.float32)
    kept = min(before, taps - 1)
    past = x[before - kept : before].movedim(0, -1)
    stream.resume(past)
    assert stream.seen == kept and torch.equal(stream.past(), past)
    y = advance(stream, x[before:], cut(after, 7))
    assert relative_error(y, exact(x, kernel)[before:]) < 1e-6
    kept = min(before + after, taps - 1)
    assert torch.equal(stream.past(), x[len(x) - kept :].movedim(0, -1))


def test_a_long_kernel_keeps_the_tolerance():
    x, kernel = operands(9000, 1, 2, 16384)
    y = advance(NativeLongConvStream(kernel, 1, torch.float32), x, cut(9000, 64))
    assert relative_error(y, exact(x, kernel)) < 1e-6


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_rounded_once_at_the_end(half, isa):
    x, kernel = operands(600, 2, 5, 300, half)
    gate_in, gate_out = (
        g.to(half) for g in torch.randn(2, 600, 2, 5, generator=torch.Generator().manual_seed(3))
    )
    stream = NativeLongConvStream(kernel.float(), 2, half)
    y = torch.cat([stream.advance(*(t[i : i + 1] for t in (x, gate_in, gate_out)), 1) for i in range(600)])
    expected = gate_out.double() * exact(x.double() * gate_in.double(), kernel)
    assert y.dtype == half
    rounding = {torch.float16: 2.0**-11, torch.bfloat16: 2.0**-8}[half]
    assert relative_error(y, expected) < rounding + 1e-6 < RELATIVE[half]


def test_runs_are_the_same_bit_for_bit():
    x, kernel = operands(1500, 2, 7, 900)
    first, second = (
        advance(NativeLongConvStream(kernel, 2, torch.float32), x, cut(1500, 13)) for _ in range(2)
    )
    assert torch.equal(first, second)


def test_threads_do_not_change_the_result():
    x, kernel = operands(400, 1, 2100, 300)
    alone = advance(NativeLongConvStream(kernel, 1, torch.float32), x, cut(400, 50))
    torch.set_num_threads(2)
    assert (
        relative_error(advance(NativeLongConvStream(kernel, 1, torch.float32), x, cut(400, 50)), alone) < 1e-6
    )


def test_a_copy_goes_on_by_itself():
    x, kernel = operands(900, 2, 5, 400)
    stream = NativeLongConvStream(kernel, 2, torch.float32)
    advance(stream, x[:333], cut(333, 10))
    copy = stream.copy()
    straight = advance(stream, x[333:], cut(567, 10))
    assert torch.equal(advance(copy, x[333:], cut(567, 10)), straight)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_stays_in_its_row_and_is_forgotten(value, isa):
    x, kernel = operands(1200, 1, 20, 300)
    expected = exact(x, kernel)
    x[200, 0, 3] = value
    y = advance(NativeLongConvStream(kernel, 1, torch.float32), x, cut(1200, 1))
    others = [c for c in range(20) if c != 3]
    assert not y[200:500, 0, 3].isfinite().any()
    assert relative_error(y[..., others], expected[..., others]) < 1e-6
    assert relative_error(y[:200], expected[:200]) < 1e-6
    assert relative_error(y[700:], expected[700:]) < 1e-6


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_short_kernel_never_meets_what_lies_beyond_it(value, isa):
    x, kernel = operands(300, 1, 5, 77)
    expected = exact(x, kernel)
    x[100] = value
    y = advance(NativeLongConvStream(kernel, 1, torch.float32), x, [1] * 300)
    assert not y[100:177].isfinite().any()
    assert relative_error(y[177:], expected[177:]) < 1e-6


@pytest.mark.parametrize("rows", [1, 3, 64, 768])
@pytest.mark.parametrize("taps", [1, 63, 64, 65, 1000, 4096, 16384, 65536])
def test_no_token_has_more_than_eight_times_the_work_of_the_median(taps, rows, isa):
    module = core.load()
    level = module.Isa[isa.name]
    work = module.long_conv_stream_work(1, rows, taps, level, 1, taps + 1000)
    assert max(work) <= 8 * median(work)
    assert max(work[-1000:]) <= 8 * median(work[-1000:])


def test_work_for_each_token_grows_like_the_square_of_a_logarithm():
    module = core.load()
    level = module.supported_isas()[-1]

    def mean(taps):
        work = module.long_conv_stream_work(1, 64, taps, level, 1, 2 * taps)[taps:]
        return sum(work) / len(work)

    assert mean(65536) < 4 * mean(1024)  # 64 times the taps


def test_memory_grows_like_the_kernel():
    stream = NativeLongConvStream(torch.zeros(32, 8192), 2, torch.float32)
    assert stream.state_byte < 64 * (2 * 8192 + 1000) * 4
    assert stream.kernel_byte < 32 * (2 * 8192 + 1000) * 4


def test_calls_at_the_same_time_are_done_one_after_the_other():
    x, kernel = operands(4000, 1, 64, 500)
    stream = NativeLongConvStream(kernel, 1, torch.float32)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: stream.advance(x[i : i + 1], None, None, 1), range(4000)))
    assert stream.seen == 499
    rows = {tuple(column) for column in stream.past()[0].T.tolist()}
    assert rows <= {tuple(token) for token in x[:, 0].tolist()} and len(rows) == 499


def test_sizes_of_nothing_are_refused_in_words():
    with pytest.raises(ValueError, match="expected sizes of at least 1, got batch 0, channels 2, taps 3"):
        NativeLongConvStream(torch.zeros(2, 3), 0, torch.float32)
