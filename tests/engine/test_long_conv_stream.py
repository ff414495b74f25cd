"""Prompts and single tokens in any order give what the offline convolution gives."""

import copy
import pickle
from itertools import accumulate

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from circulant.backends.native import core
from circulant.core.errors import ArgumentError, DeviceError, DtypeError, NoPlanError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine import long_conv_stream as module
from circulant.engine.choice import Backend, Choice, use
from circulant.engine.long_conv import long_conv
from circulant.engine.long_conv_stream import LongConvStream
from circulant.operators.sequence.long_conv1d import LongConv1d

BACKENDS = [Backend.TORCH, Backend.NATIVE]


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.value)
def choice(request):
    return Choice(backend=request.param)


def normal(*shape, dtype=torch.float64):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape))).to(
        dtype
    )


def run(stream, operands, sizes):
    """Chunks of one token by step, of several by prefill."""
    parts = []
    for stop, size in zip(accumulate(sizes), sizes):
        chunk = [None if t is None else t[..., stop - size : stop] for t in operands]
        if size == 1:
            parts.append(stream.step(*(None if t is None else t[..., 0] for t in chunk))[..., None])
        else:
            parts.append(stream.prefill(*chunk))
    return torch.cat(parts, -1)


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.one_of(st.just(1), st.integers(2, 300)), min_size=1, max_size=10),
    taps=st.sampled_from([1, 2, 40, 200, 500]),
    backend=st.sampled_from(BACKENDS),
    has_skip=st.booleans(),
    has_gates=st.booleans(),
)
def test_steps_and_prefills_in_any_order_equal_offline(sizes, taps, backend, has_skip, has_gates):
    x, kernel = normal(2, 3, sum(sizes)), normal(3, taps)
    skip = normal(3) if has_skip else None
    gates = (normal(2, 3, sum(sizes)).cos(), normal(2, 3, sum(sizes)).sin()) if has_gates else (None, None)
    stream = LongConvStream(kernel, 2, skip=skip, choice=Choice(backend=backend))
    assert stream.backend is backend
    y = run(stream, (x, *gates), sizes)
    assert_close(y, long_conv(x, kernel, skip=skip, gate_in=gates[0], gate_out=gates[1]))
    assert stream.seen == min(sum(sizes), taps - 1)


@pytest.mark.parametrize("sizes", [[1] * 700, [512, *[1] * 188], [*[1] * 100, 500, *[1] * 100], [7] * 100])
def test_float32_stays_within_a_millionth_of_the_largest_output(sizes):
    x, kernel, skip = normal(1, 5, 700), normal(5, 600), normal(5)
    stream = LongConvStream(kernel.float(), 1, skip=skip.float())
    assert stream.backend is Backend.NATIVE
    expected = long_conv(x.float().double(), kernel.float().double(), skip=skip.float().double())
    assert_close(run(stream, (x.float(),), sizes), expected, tolerance=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_kept_and_computed_in_float32(dtype, choice):
    x, kernel, skip = normal(2, 3, 400, dtype=dtype), normal(3, 150, dtype=dtype), normal(3, dtype=dtype)
    gate = normal(2, 3, 400, dtype=dtype)
    y = run(LongConvStream(kernel, 2, skip=skip, choice=choice), (x, gate, gate), [100, *[1] * 100, 200])
    assert y.dtype == dtype
    wide = [t.double() for t in (x, kernel, skip, gate)]
    expected = long_conv(wide[0], wide[1], skip=wide[2], gate_in=wide[3], gate_out=wide[3])
    assert_close(y, expected, tolerance=2.0**-8)


def test_a_token_is_one_call_of_the_core():
    stream = LongConvStream(normal(3, 500), 2)
    stream.prefill(normal(2, 3, 900))
    before = core.load().call_count()
    for _ in range(70):
        stream.step(normal(2, 3))
    assert core.load().call_count() == before + 70


def test_autocast_changes_nothing(choice):
    x, kernel = normal(2, 3, 90, dtype=torch.float32), normal(3, 40, dtype=torch.float32)
    plain = run(LongConvStream(kernel, 2, choice=choice), (x,), [50, *[1] * 40])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under = run(LongConvStream(kernel, 2, choice=choice), (x,), [50, *[1] * 40])
    assert torch.equal(under, plain)


def test_non_contiguous_tokens_are_taken_as_they_are(choice):
    x, kernel = normal(30, 3, 2).movedim(0, -1).transpose(0, 1), normal(3, 9)
    y = run(LongConvStream(kernel, 2, choice=choice), (x,), [1] * 30)
    assert_close(y, long_conv(x.contiguous(), kernel))


@pytest.mark.parametrize(
    "fork", [LongConvStream.clone, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_a_fork_goes_on_by_itself(fork, choice):
    x, other, kernel, skip = normal(2, 3, 500), normal(2, 3, 500).flip(-1), normal(3, 300), normal(3)
    stream = LongConvStream(kernel, 2, skip=skip, choice=choice)
    run(stream, (x[..., :333],), [100, *[1] * 233])
    forked = fork(stream)
    run(stream, (other[..., 333:],), [1] * 167)
    assert forked.backend is choice.backend
    assert_close(run(forked, (x[..., 333:],), [1] * 167), long_conv(x, kernel, skip=skip)[..., 333:])


def test_after_a_reset_nothing_is_remembered(choice):
    x, kernel = normal(2, 3, 400), normal(3, 300)
    stream = LongConvStream(kernel, 2, choice=choice)
    run(stream, (x,), [200, *[1] * 200])
    stream.reset()
    assert stream.seen == 0
    assert_close(run(stream, (x,), [1] * 400), long_conv(x, kernel))


def test_a_later_change_of_the_kernel_does_not_reach_the_stream(choice):
    x, kernel = normal(1, 2, 80), normal(2, 50)
    expected = long_conv(x, kernel)
    stream = LongConvStream(kernel, 1, choice=choice)
    kernel.zero_()
    assert_close(run(stream, (x,), [40, *[1] * 40]), expected)


def test_an_interrupted_prefill_leaves_the_stream_as_it_was(choice, monkeypatch):
    x, kernel = normal(2, 3, 300), normal(3, 100)
    stream = LongConvStream(kernel, 2, choice=choice)
    stream.prefill(x[..., :150])

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "long_conv", interrupted)
        stream.prefill(x[..., 150:])
    assert_close(stream.prefill(x[..., 150:]), long_conv(x, kernel)[..., 150:])


def test_what_does_not_fit_is_refused_and_leaves_the_stream_as_it_was(choice):
    x, kernel = normal(2, 3, 60), normal(3, 40)
    stream = LongConvStream(kernel, 2, choice=choice)
    stream.prefill(x[..., :30])
    for call, error, words in (
        (lambda: stream.step(normal(4, 3)), ShapeError, r"expected x \(2, 3\), got \(4, 3\)"),
        (lambda: stream.step(normal(2, 3, 1)), ShapeError, r"expected x \(2, 3\), got \(2, 3, 1\)"),
        (lambda: stream.prefill(normal(2, 3)), ShapeError, r"expected x \(2, 3, 0\), got \(2, 3\)"),
        (lambda: stream.step(normal(2, 3), normal(2, 1)), ShapeError, r"expected gate_in \(2, 3\)"),
        (lambda: stream.step(normal(2, 3).float()), DtypeError, "float32"),
        (lambda: stream.step(torch.empty(2, 3, dtype=torch.float64, device="meta")), DeviceError, "meta"),
        (lambda: stream.step(normal(2, 3).requires_grad_()), ArgumentError, "no gradient"),
    ):
        with pytest.raises(error, match=words):
            call()
    assert_close(stream.prefill(x[..., 30:]), long_conv(x, kernel)[..., 30:])


def test_kernels_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match=r"expected kernel \(C, K\) with at least 1 tap, got \(3, 0\)"):
        LongConvStream(normal(3, 0), 1)
    with pytest.raises(ShapeError, match=r"expected skip \(C,\) with C = 3, got \(4,\)"):
        LongConvStream(normal(3, 5), 1, skip=normal(4))
    with pytest.raises(ArgumentError, match="expected a batch of 0 or more, got -1"):
        LongConvStream(normal(3, 5), -1)
    with pytest.raises(DtypeError, match=r"convert it with .float()"):
        LongConvStream(torch.ones(3, 5, dtype=torch.int64), 1)


def test_a_forced_native_stream_that_cannot_run_says_why():
    with pytest.raises(NoPlanError, match="it runs on a CPU, the kernel is on meta"):
        LongConvStream(torch.empty(3, 5, device="meta"), 1, choice=Choice(backend=Backend.NATIVE))
    with pytest.raises(NoPlanError, match="there is no row"):
        LongConvStream(normal(3, 5), 0, choice=Choice(backend=Backend.NATIVE))


def test_a_wish_for_a_backend_holds_for_streams_too():
    with use(backend=Backend.TORCH):
        assert LongConvStream(normal(3, 5), 1).backend is Backend.TORCH


def test_an_empty_batch_streams():
    stream = LongConvStream(normal(3, 5), 0)
    assert stream.prefill(normal(0, 3, 7)).shape == (0, 3, 7)
    assert stream.step(normal(0, 3)).shape == (0, 3)
    assert LongConvStream(normal(3, 5), 2).prefill(normal(2, 3, 0)).shape == (2, 3, 0)


def test_an_operator_streams_what_its_forward_gives():
    torch.manual_seed(0)
    operator = LongConv1d(3, 200, squash=0.004, smooth_width=3).double()
    x = normal(2, 3, 350)
    y = run(operator.stream(2), (x,), [100, *[1] * 250])
    assert_close(y, operator(x).detach())
