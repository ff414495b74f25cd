"""Linear attention and the delta rule against flash-linear-attention's own naive references."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.tolerances import assert_close
from circulant.functional import delta_rule, linear_attention

pytestmark = pytest.mark.oracles

B, H, L, D, E = 2, 3, 77, 8, 5
SCALE = D**-0.5  # theirs; ours scales nothing


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def heads_second(tensor):
    """(B, L, H, ..), as most of their functions take and give it, to (B, H, L, ..) and back."""
    return tensor.transpose(1, 2)


@pytest.fixture
def qkv():
    return drawn(B, H, L, D), drawn(B, H, L, D, seed=1), drawn(B, H, L, E, seed=2)


@pytest.fixture
def start():
    return drawn(B, H, D, E, seed=3)


def test_gated_linear_attention(qkv, start):
    from fla.ops.gla.naive import naive_recurrent_gla

    q, k, v = qkv
    log_decay = F.logsigmoid(drawn(B, H, L, D, seed=4))
    wanted, _ = naive_recurrent_gla(*map(heads_second, (q, k, v, log_decay)), start)
    assert_close(SCALE * linear_attention(q, k, v, log_decay, start), heads_second(wanted))


def test_one_decay_for_each_step(qkv, start):
    from fla.ops.simple_gla.naive import naive_recurrent_simple_gla

    q, k, v = qkv
    log_decay = F.logsigmoid(drawn(B, H, L, seed=4))
    arguments = [heads_second(tensor) for tensor in (q, k, v, log_decay)]
    wanted, _ = naive_recurrent_simple_gla(*arguments, initial_state=start)
    assert_close(SCALE * linear_attention(q, k, v, log_decay, start), heads_second(wanted))


def test_retention(qkv):
    from fla.ops.retention.naive import naive_retention

    q, k, v = qkv
    log_decay = torch.log1p(-(2.0 ** (-5 - torch.arange(H))))
    assert_close(SCALE * linear_attention(q, k, v, log_decay), naive_retention(q, k, v))


def test_the_delta_rule(qkv, start):
    from fla.ops.delta_rule.naive import delta_rule_recurrence

    q, k, v = qkv
    k, beta = F.normalize(k, dim=-1), drawn(B, H, L, seed=4).sigmoid()
    wanted, _ = delta_rule_recurrence(q, k, v, beta, start)
    assert_close(SCALE * delta_rule(q, k, v, beta, None, start), wanted)


def test_the_gated_delta_rule(qkv, start):
    from fla.ops.gated_delta_rule.naive import naive_recurrent_gated_delta_rule

    q, k, v = qkv
    k, beta = F.normalize(k, dim=-1), drawn(B, H, L, seed=4).sigmoid()
    log_decay = F.logsigmoid(drawn(B, H, L, seed=5))
    arguments = [heads_second(tensor) for tensor in (q, k, v, beta, log_decay)]
    wanted, _ = naive_recurrent_gated_delta_rule(*arguments, initial_state=start)
    assert_close(SCALE * delta_rule(q, k, v, beta, log_decay, start), heads_second(wanted))
