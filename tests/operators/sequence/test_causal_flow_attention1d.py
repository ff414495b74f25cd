"""Causal flows: the explicit triangle of flows, no look ahead, a state that does not grow."""

import torch

from circulant.core.tolerances import assert_close
from circulant.operators.sequence.causal_flow_attention1d import EPS, CausalFlowAttention1d
from circulant.operators.sequence.heads import join_heads, split_heads


def triangle(module, x):
    rows = x.transpose(1, 2)
    q, k, v = (split_heads(p(rows), module.heads) for p in (module.query, module.key, module.value))
    q, k = q.sigmoid(), k.sigmoid()
    n = torch.arange(1, x.shape[2] + 1, dtype=x.dtype)
    until = torch.ones(x.shape[2], x.shape[2], dtype=x.dtype).tril()

    def meeting(one, other):
        return ((one + EPS) * (until @ other + EPS)).sum(-1)

    inflow, outflow = meeting(q, k), meeting(k, q)
    sink = meeting(q, k * (n / outflow)[..., None]) / n
    source = meeting(k, q * (n / inflow)[..., None]) / n
    won = source.clamp(-1, 1).exp()
    competition = n * won / (won @ until.T)
    square = (q @ k.mT) * until / inflow[..., None] * competition[:, :, None, :] * sink.sigmoid()[..., None]
    return module.output(join_heads(square @ v)).transpose(1, 2)


def test_it_is_the_explicit_triangle_of_flows():
    module = CausalFlowAttention1d(8, 2).double()
    x = torch.randn(2, 8, 30, dtype=torch.float64)
    assert_close(module(x), triangle(module, x), 1e-10)


def test_the_future_changes_nothing_at_all():
    module = CausalFlowAttention1d(8, 2).double()
    x = torch.randn(1, 8, 12, dtype=torch.float64)
    other = x.clone()
    other[..., 7:] = torch.randn(1, 8, 5, dtype=torch.float64)
    assert torch.equal(module(x)[..., :7], module(other)[..., :7])


def test_the_state_does_not_grow_with_the_samples_seen():
    module = CausalFlowAttention1d(8, 2)
    state = module.initial_state(3)
    for chunk in (1, 5, 40):
        _, state = module.step(torch.randn(3, 8, chunk), state)
        assert state.memory.shape == (3, 2, 4, 4)
        assert state.keys.shape == (3, 2, 1, 4)
    assert state.seen == 46
