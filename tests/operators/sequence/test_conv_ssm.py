"""The general model: parallel and one frame at a time."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.sequence.conv_ssm import ConvSSM


def built(taps):
    """Beyond its start: a random kernel between all states, that does not let them grow."""
    torch.manual_seed(0)
    module = ConvSSM(2, 3, taps, dtype=torch.float64)
    with torch.no_grad():
        module.state_kernel.normal_()
        module.state_kernel.mul_(0.9 / module.state_kernel.abs().sum((1, 2, 3)).max())
    return module


@pytest.mark.parametrize("taps", [1, 3])
@pytest.mark.parametrize("sizes", [[1] * 9, [4, 5], [2, 6, 1]])
def test_frames_taken_in_turn_give_the_whole(taps, sizes):
    module = built(taps)
    x = torch.randn(2, 2, 9, 5, 4, dtype=torch.float64)
    state, outputs = module.initial_state(2, (5, 4), dtype=torch.float64), []
    for part in x.split(sizes, 2):
        y, state = module.step(part, state)
        outputs.append(y)
    assert_close(torch.cat(outputs, 2), module(x), 1e-10)


def test_a_frame_changes_nothing_before_it():
    module = built(3)
    x = torch.randn(1, 2, 6, 4, 4, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(module(x)[:, :, 3].sum(), x)
    assert gradient[:, :, 4:].abs().max() < 1e-14
    assert gradient[:, :, 0].any()


def test_at_first_the_state_fades_in_place():
    kernel = ConvSSM(2, 5).state_kernel.detach()
    decay = kernel[:, :, 1, 1].diag()
    assert 0.9 <= decay.min() <= decay.max() <= 0.999
    assert kernel.count_nonzero() == 5


@pytest.mark.parametrize("sizes", [(0, 2, 3), (2, 0, 3), (2, 2, 4)])
def test_sizes_without_meaning_are_refused(sizes):
    with pytest.raises(ArgumentError, match="odd taps"):
        ConvSSM(*sizes)
