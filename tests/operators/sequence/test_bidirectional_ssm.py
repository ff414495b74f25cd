"""Two Mamba recurrences that share their maps and their gate."""

import torch

from circulant.core.tolerances import assert_close
from circulant.operators.sequence.bidirectional_ssm import BidirectionalSsm
from circulant.operators.sequence.selective_ssm1d import SelectiveSsm1d


def one_way(module, path):
    """A Mamba with the parameters of one direction."""
    single = SelectiveSsm1d(3, 2, dtype=torch.float64)
    state = dict(module.state_dict())
    for name in ("conv.weight", "conv.bias"):
        state[name] = state[name].chunk(2)[path]
    for name in single.ssm.state_dict():
        state[f"ssm.{name}"] = state[f"ssm.{name}"][path : path + 1]
    single.load_state_dict(state)
    return single


def test_it_is_mamba_forwards_plus_mamba_backwards():
    torch.manual_seed(0)
    module = BidirectionalSsm(3, 2, dtype=torch.float64)
    x = torch.randn(2, 3, 11, dtype=torch.float64)
    expected = one_way(module, 0)(x) + one_way(module, 1)(x.flip(-1)).flip(-1)
    assert_close(module(x), expected)


def test_every_position_sees_every_other():
    module = BidirectionalSsm(2, 2, dtype=torch.float64)
    x = torch.randn(1, 2, 9, dtype=torch.float64, requires_grad=True)
    for position in (0, 4, 8):
        (gradient,) = torch.autograd.grad(module(x)[0, 0, position], x)
        assert gradient[0].abs().amax(0).min() > 0


def test_parameters_of_the_second_direction_are_its_convolution_and_recurrence():
    count = {
        kind: sum(p.numel() for p in kind(48).parameters()) for kind in (SelectiveSsm1d, BidirectionalSsm)
    }
    inner, rank, states = 96, 3, 16
    second = 5 * inner + inner * (rank + 2 * states) + (rank + 1) * inner + (states + 1) * inner
    assert count[BidirectionalSsm] == count[SelectiveSsm1d] + second
