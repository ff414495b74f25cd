"""Scans whose factor is a circular convolution equal the recurrence, frame after frame."""

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck

from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine.conv_scan import conv_parallel_scan

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def drawn(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def contraction(*shape, ndim):
    """A random kernel that does not let the state grow: its absolute values sum to less than 1."""
    kernel = drawn(*shape, seed=1)
    return 0.9 * kernel / kernel.abs().sum(tuple(range(1, len(shape))), keepdim=True)


def convolved(kernel, h):
    """torch's convolution is a correlation: the kernel is turned around, and the grid continued."""
    ndim, C = h.ndim - 2, h.shape[1]
    groups = C if kernel.ndim == 1 + ndim else 1
    weight = kernel[:, None] if groups > 1 or kernel.ndim == 1 + ndim else kernel
    axes = tuple(range(-ndim, 0))
    width = [size // 2 for size in reversed(kernel.shape[-ndim:]) for _ in range(2)]
    return CONV[ndim](F.pad(h, width, mode="circular"), weight.flip(axes), groups=groups)


def one_after_another(kernel, x, h=None):
    states = []
    for frame in x.unbind(2):
        h = frame if h is None else convolved(kernel, h) + frame
        states.append(h)
    return torch.stack(states, 2)


@pytest.mark.parametrize("taps", [1, 3])
@pytest.mark.parametrize("lead", [(4,), (4, 4)])
@pytest.mark.parametrize("frames", [1, 2, 7, 16, 33])
def test_the_parallel_scan_equals_the_recurrence(taps, lead, frames):
    kernel, x = contraction(*lead, taps, taps, ndim=2), drawn(2, 4, frames, 6, 5)
    assert_close(conv_parallel_scan(kernel, x), one_after_another(kernel, x), 1e-9)


@pytest.mark.parametrize("spatial", [(7,), (4, 6), (3, 4, 5)])
@pytest.mark.parametrize("dense", [False, True])
def test_any_number_of_axes_and_a_state_to_start_from(spatial, dense):
    ndim = len(spatial)
    kernel = contraction(*((3, 3) if dense else (3,)), *(3,) * ndim, ndim=ndim)
    x, start = drawn(2, 3, 9, *spatial), drawn(2, 3, *spatial, seed=5)
    expected = one_after_another(kernel, x, start)
    assert_close(conv_parallel_scan(kernel, x, start), expected, 1e-9)
    states = conv_parallel_scan(kernel, x[:, :, :4], start)
    rest = conv_parallel_scan(kernel, x[:, :, 4:], states[:, :, -1])
    assert_close(torch.cat([states, rest], 2), expected, 1e-9)


@pytest.mark.parametrize("lead", [(2,), (2, 2)])
def test_a_kernel_longer_than_the_grid_wraps_around(lead):
    kernel, x = contraction(*lead, 5, 3, ndim=2), drawn(1, 2, 4, 2, 3)
    wrapped = torch.zeros(*lead, 2, 3, dtype=torch.float64)
    for i in range(5):
        for j in range(3):
            wrapped[..., (i - 2) % 2, (j - 1) % 3] += kernel[..., i, j]
    states, h = [], torch.zeros(1, 2, 2, 3, dtype=torch.float64)
    for frame in x.unbind(2):
        spectrum = torch.fft.fft2(wrapped) * torch.fft.fft2(h)[:, None if len(lead) > 1 else slice(None)]
        product = torch.fft.ifft2(spectrum.sum(2) if len(lead) > 1 else spectrum).real
        h = product + frame
        states.append(h)
    assert_close(conv_parallel_scan(kernel, x), torch.stack(states, 2), 1e-10)


@pytest.mark.parametrize("lead", [(2,), (2, 2)])
def test_derivatives_of_first_and_second_order(lead):
    kernel = contraction(*lead, 3, 1, ndim=2).requires_grad_()
    x, start = drawn(1, 2, 3, 2, 3).requires_grad_(), drawn(1, 2, 2, 3, seed=3).requires_grad_()
    assert gradcheck(conv_parallel_scan, (kernel, x, start))
    assert gradgradcheck(conv_parallel_scan, (kernel, x, start))


@pytest.mark.parametrize(
    ("kernel", "x", "says"),
    [
        ((3, 2, 3), (1, 3, 4, 5, 5), "odd"),
        ((2, 3, 3, 3), (1, 3, 4, 5, 5), "C = 3"),
        ((3, 3, 3), (1, 3, 0, 5, 5), "empty"),
        ((3, 3), (1, 3, 4), "spatial"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(kernel, x, says):
    with pytest.raises(ShapeError, match=says):
        conv_parallel_scan(torch.randn(kernel), torch.randn(x))


def test_a_state_of_another_shape_is_refused():
    with pytest.raises(ShapeError, match="initial_state"):
        conv_parallel_scan(torch.randn(3, 1, 1), torch.randn(1, 3, 4, 5, 5), torch.randn(1, 3, 4, 5))
