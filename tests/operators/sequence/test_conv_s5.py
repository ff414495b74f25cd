"""One frame at a time and all at once; with kernels of one tap a plain state-space model at each position."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.sequence.conv_s5 import ConvS5, FrameReadout
from circulant.operators.sequence.hippo import hippo_modes


def built(*args, **kwargs):
    torch.manual_seed(0)
    return ConvS5(*args, dtype=torch.float64, **kwargs)


@pytest.mark.parametrize("readout", list(FrameReadout))
@pytest.mark.parametrize("sizes", [[1] * 8, [3, 5], [2, 5, 1]])
def test_frames_taken_in_turn_give_the_whole(readout, sizes):
    module = built(4, 6, readout=readout)
    x = torch.randn(2, 4, 8, 5, 3, dtype=torch.float64)
    state, outputs = module.initial_state(2, (5, 3)), []
    for part in x.split(sizes, 2):
        y, state = module.step(part, state)
        outputs.append(y)
    assert_close(torch.cat(outputs, 2), module(x), 1e-10)


def test_with_one_tap_it_is_s5_at_each_position():
    """The reference is S5's: a sequence (L, C), complex matrices, a hold, one state after another."""
    module = built(3, 8, 1).system
    x = torch.randn(1, 3, 20, 2, 2, dtype=torch.float64)
    v, last = module(x)
    Lambda = torch.view_as_complex(module.poles.detach())
    B, C = (
        torch.view_as_complex(k.detach()[:, :, 0, 0]) for k in (module.input_kernel, module.output_kernel)
    )
    Lambda_bar = torch.exp(Lambda * module.log_step.detach().exp())
    B_bar = ((Lambda_bar - 1) / Lambda)[:, None] * B
    for i in range(2):
        for j in range(2):
            state = torch.zeros(4, dtype=torch.complex128)
            for t in range(20):
                state = Lambda_bar * state + B_bar @ x[0, :, t, i, j].to(state.dtype)
                assert_close(v[0, :, t, i, j].detach(), 2 * (C @ state).real, 1e-10)
            assert_close(last[0, i, j].detach(), torch.view_as_real(state), 1e-10)


def test_a_frame_changes_nothing_before_it():
    module = built(2, 4)
    x = torch.randn(1, 2, 6, 3, 3, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(module(x)[:, :, 3].sum(), x)
    assert not gradient[:, :, 4:].any()
    assert gradient[:, :, 0].any()


@pytest.mark.parametrize("blocks", [1, 2])
def test_poles_and_their_basis_are_those_of_hippo(blocks):
    """Eigenvalues and eigenvectors of the matrix of HiPPO-LegS, made normal by its low-rank part."""
    N, modes = 8 // blocks, hippo_modes(8, blocks)
    matrix = torch.zeros(N, N, dtype=torch.float64)
    for i in range(N):
        for j in range(N):
            size = ((2 * i + 1) * (2 * j + 1)) ** 0.5
            matrix[i, j] = -size * (i > j) - (i + 1) * (i == j) + size / 2
    whole = torch.block_diag(*[matrix] * blocks).to(torch.complex128)
    poles = torch.view_as_complex(modes.poles)
    assert_close(torch.view_as_real(whole @ modes.vectors), torch.view_as_real(modes.vectors * poles), 1e-10)
    assert (poles.imag < 0).all()


def test_at_first_the_kernels_are_real_ones_in_another_basis():
    module = built(2, 8, 3).system
    vectors = hippo_modes(8, 1).vectors
    into = torch.view_as_complex(module.input_kernel.detach())
    real = 2 * torch.einsum("sn,nchw->schw", vectors, into).real
    assert_close(torch.einsum("sn,schw->nchw", vectors.conj(), real.to(vectors)).real, into.real, 1e-6)


def test_poles_may_not_cross_the_axis():
    module = built(2, 4)
    with torch.no_grad():
        module.system.poles[:, 0] = 0.3
    factor, _ = module.system.discretised(torch.float64)
    assert factor.square().sum(-1).max() < 1


@pytest.mark.parametrize("arguments", [(2, 3), (2, 0), (2, 4, 2)])
def test_sizes_without_meaning_are_refused(arguments):
    with pytest.raises(ArgumentError, match="multiple of 2 blocks"):
        ConvS5(*arguments)


def test_groups_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(ArgumentError, match="divisor of channels = 4"):
        ConvS5(4, 4, groups=3)
