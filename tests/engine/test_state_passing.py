"""Three forms of a diagonal state-space model agree: one convolution, chunks with a state, single steps."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine.state_passing import flash_conv_state_passing


def drawn(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def model(channels, states, seed=0):
    """a within the unit circle, some of it close to its edge; b and c of any size."""
    phase = drawn(channels, states, seed=seed)
    radius = 1 - 0.3 * drawn(channels, states, seed=seed + 1).sigmoid() ** 2
    a = torch.stack([radius * phase.cos(), radius * phase.sin()], -1)
    return a, drawn(channels, states, 2, seed=seed + 2), drawn(channels, states, 2, seed=seed + 3)


def by_steps(u, a, b, c, state=None):
    a, b, c = (torch.view_as_complex(part) for part in (a, b, c))
    s = torch.zeros(u.shape[0], *a.shape, dtype=a.dtype) if state is None else torch.view_as_complex(state)
    outputs = []
    for sample in u.unbind(-1):
        s = a * s + b * sample[..., None]
        outputs.append((c * s).real.sum(-1))
    return torch.stack(outputs, -1), torch.view_as_real(s)


def by_one_convolution(u, a, b, c):
    a, b, c = (torch.view_as_complex(part) for part in (a, b, c))
    powers = a[..., None] ** torch.arange(u.shape[-1])
    kernel = torch.einsum("cs,cs,csl->cl", c, b, powers).real
    length = u.shape[-1]
    return torch.fft.irfft(torch.fft.rfft(u, 2 * length) * torch.fft.rfft(kernel, 2 * length))[..., :length]


@settings(max_examples=100)
@given(length=st.integers(1, 60), chunk=st.integers(1, 70), states=st.integers(1, 4))
def test_the_three_forms_agree_for_any_chunk(length, chunk, states):
    u, parts = drawn(2, 3, length, seed=9), model(3, states)
    y, state = flash_conv_state_passing(u, *parts, chunk=chunk)
    expected, last = by_steps(u, *parts)
    assert_close(y, expected)
    assert_close(state, last)
    assert_close(by_one_convolution(u, *parts), expected)


@pytest.mark.parametrize("chunk", [64, 1000, 4096])
def test_long_inputs_agree_too(chunk):
    u, parts = drawn(1, 2, 4000, seed=9), model(2, 8)
    y, state = flash_conv_state_passing(u, *parts, chunk=chunk)
    expected, last = by_steps(u, *parts)
    assert_close(y, expected)
    assert_close(state, last)


@pytest.mark.parametrize("cut", [1, 5, 12, 19])
def test_a_state_carries_on(cut):
    u, parts = drawn(2, 3, 20, seed=9), model(3, 4)
    first, state = flash_conv_state_passing(u[..., :cut], *parts, chunk=4)
    second, last = flash_conv_state_passing(u[..., cut:], *parts, chunk=7, state=state)
    expected, wanted = by_steps(u, *parts)
    assert_close(torch.cat([first, second], -1), expected)
    assert_close(last, wanted)


def test_no_samples_leave_the_state_as_it_is():
    state = drawn(2, 3, 4, 2, seed=5)
    y, after = flash_conv_state_passing(torch.zeros(2, 3, 0).double(), *model(3, 4), state=state)
    assert y.shape == (2, 3, 0)
    assert torch.equal(after, state)


def test_the_future_has_no_influence():
    """Bit for bit on earlier chunks; within a chunk as far as a transform can tell."""
    u, parts = drawn(1, 2, 48, seed=9), model(2, 3)
    changed = u.clone()
    changed[..., 27:] = drawn(1, 2, 21, seed=10)
    y, z = (flash_conv_state_passing(values, *parts, chunk=8)[0] for values in (u, changed))
    assert torch.equal(y[..., :24], z[..., :24])
    assert_close(z[..., :27], y[..., :27], 1e-14)
    assert (y[..., 27:] - z[..., 27:]).abs().max() > 0.1


@pytest.mark.parametrize("chunk", [1, 3, 8])
def test_derivatives_agree_with_finite_differences(chunk):
    leaves = [drawn(2, 2, 8, seed=9), *model(2, 2), drawn(2, 2, 2, 2, seed=5)]

    def function(u, a, b, c, state):
        return flash_conv_state_passing(u, a, b, c, chunk=chunk, state=state)

    leaves = [leaf.requires_grad_() for leaf in leaves]
    assert gradcheck(function, leaves, fast_mode=True)
    assert gradgradcheck(function, leaves, fast_mode=True)


def test_gradients_do_not_depend_on_the_chunk():
    found = []
    for chunk in (5, 30):
        leaves = [leaf.requires_grad_() for leaf in (drawn(2, 3, 30, seed=9), *model(3, 4))]
        y, state = flash_conv_state_passing(*leaves, chunk=chunk)
        found.append(torch.autograd.grad(y.square().sum() + state.square().sum(), leaves))
    for got, expected in zip(*found):
        assert_close(got, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    u, parts = drawn(1, 2, 300, seed=9).to(dtype), [part.to(dtype) for part in model(2, 3)]
    y, state = flash_conv_state_passing(u, *parts, chunk=64)
    expected, last = by_steps(u.double(), *(part.double() for part in parts))
    assert (y.dtype, state.dtype) == (dtype, torch.float32)
    assert_close(state, last.float(), 1e-4)
    assert_close(y, expected.to(dtype), 1e-2)


def test_autocast_keeps_float32():
    u, parts = drawn(1, 2, 300, seed=9).float(), [part.float() for part in model(2, 3)]
    expected, _ = flash_conv_state_passing(u, *parts, chunk=64)
    with torch.autocast("cpu", torch.bfloat16):
        y, _ = flash_conv_state_passing(u, *parts, chunk=64)
    assert torch.equal(y, expected)


def test_it_compiles_without_a_break():
    compiled = torch.compile(flash_conv_state_passing, fullgraph=True, backend="aot_eager", dynamic=False)
    u, parts = drawn(1, 2, 21, seed=9), model(2, 3)
    assert_close(compiled(u, *parts, chunk=8)[0], by_steps(u, *parts)[0])


REFUSED = {
    "no chunk": (ArgumentError, "got 0", {"chunk": 0}),
    "u without batch": (ShapeError, "expected u", {"u": torch.zeros(3, 8)}),
    "a without pairs": (ShapeError, "of pairs", {"a": torch.zeros(3, 4)}),
    "b of another shape": (ShapeError, "expected b and c", {"b": torch.zeros(3, 5, 2)}),
    "state of another batch": (ShapeError, "expected state", {"state": torch.zeros(1, 3, 4, 2)}),
    "c of another dtype": (DtypeError, "float64", {"c": torch.zeros(3, 4, 2).double()}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_computed_is_refused(name):
    error, words, changed = REFUSED[name]
    parts = {part: torch.zeros(3, 4, 2) for part in "abc"}
    with pytest.raises(error, match=words):
        flash_conv_state_passing(**{"u": torch.zeros(2, 3, 8), **parts, **changed})
