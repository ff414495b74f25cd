"""One scan over a grid: a softmax over all positions, which knows no order unless it is told."""

import pytest
import torch

from circulant.core.tolerances import assert_close
from circulant.operators.sequence.causal_light_net_mixer1d import CausalLightNetMixer1d
from circulant.operators.sequence.light_net_mixer import LightNetMixer1d, LightNetMixer2d


def permuted(values, order):
    return values.flatten(2)[..., order].reshape(values.shape)


@pytest.mark.parametrize("rotary", [False, True])
def test_without_positions_permuting_the_tokens_permutes_the_result_alike(rotary):
    module = LightNetMixer2d(8, 2, key_width=4, gate_rank=4, rotary=rotary).double()
    x = torch.randn(2, 8, 4, 5, dtype=torch.float64)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    got, expected = module(permuted(x, order)), permuted(module(x), order)
    if rotary:
        assert (got - expected).abs().max() > 1e-3
    else:
        assert_close(got, expected, 1e-10)


def test_a_grid_is_read_as_the_line_of_its_positions():
    grid, line = (
        kind(8, 2, key_width=4, gate_rank=4).double() for kind in (LightNetMixer2d, LightNetMixer1d)
    )
    line.load_state_dict(grid.state_dict())
    x = torch.randn(2, 8, 4, 5, dtype=torch.float64)
    assert_close(grid(x).flatten(2), line(x.flatten(2)), 1e-10)


def test_one_scan_is_what_the_causal_recurrence_has_gathered_at_its_last_step():
    whole, causal = (
        kind(8, 2, key_width=4, gate_rank=4).double() for kind in (LightNetMixer1d, CausalLightNetMixer1d)
    )
    causal.load_state_dict(whole.state_dict())
    x = torch.randn(2, 8, 30, dtype=torch.float64)
    assert_close(whole(x)[..., -1], causal(x)[..., -1], 1e-10)


def test_keys_of_eighty_do_not_overflow():
    module = LightNetMixer1d(4, 1, key_width=4, gate_rank=2)
    with torch.no_grad():
        module.key.weight.copy_(80 * torch.eye(4))
    x = torch.randn(2, 4, 30).sign().requires_grad_()
    y = module(x)
    y.sum().backward()
    assert bool(y.isfinite().all())
    assert bool(x.grad.isfinite().all())
