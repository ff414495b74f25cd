"""The gated delta rule: without fading the delta rule, without writing a decay alone."""

import pytest
import torch

from circulant.algorithms.algorithm import AlgorithmName
from circulant.core.tolerances import assert_close
from circulant.engine.choice import Choice
from circulant.engine.delta_rule import delta_rule, delta_rule_state
from circulant.operators.sequence.delta_rule_mixer1d import DeltaRuleMixer1d
from circulant.operators.sequence.gated_delta_net_mixer1d import FASTEST, FIRST_STEP, GatedDeltaNetMixer1d


@pytest.mark.parametrize("length", [1, 63, 65, 130])
def test_chunks_and_the_square_equal_the_recurrence(length):
    generator = torch.Generator().manual_seed(length)
    q, k, v = (torch.randn(2, 2, length, 4, dtype=torch.float64, generator=generator) for _ in range(3))
    k = torch.nn.functional.normalize(k, dim=-1)
    strength, fade = (torch.rand(2, 2, length, dtype=torch.float64, generator=generator) for _ in range(2))

    def computed(name):
        return delta_rule(q, k, v, strength, -fade, choice=Choice(algorithm=name))

    memory, rows = torch.zeros(2, 2, 4, 4, dtype=torch.float64), []
    for t in range(length):
        memory = (-fade[:, :, t]).exp()[..., None, None] * memory
        held = (memory.mT @ k[:, :, t, :, None])[..., 0]
        memory = memory + k[:, :, t, :, None] * (strength[:, :, t, None] * (v[:, :, t] - held))[:, :, None]
        rows.append((memory.mT @ q[:, :, t, :, None])[..., 0])
    for name in (AlgorithmName.SEQUENTIAL, AlgorithmName.CHUNKED, AlgorithmName.DIRECT):
        assert_close(computed(name), torch.stack(rows, 2), 1e-10)


def test_without_fading_it_is_the_delta_rule_with_a_gate():
    gated = GatedDeltaNetMixer1d(8, 2, key_width=4, value_width=4).double()
    plain = DeltaRuleMixer1d(8, 2, gate=True).double()
    plain.load_state_dict({k: v for k, v in gated.state_dict().items() if k in plain.state_dict()})
    with torch.no_grad():
        gated.log_rate.fill_(-1e3)  # a = exp(-0)
    x = torch.randn(2, 8, 20, dtype=torch.float64)
    assert_close(gated(x), plain(x), 1e-10)


def test_without_writing_the_memory_only_fades():
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, 2, 9, 3, dtype=torch.float64, generator=generator) for _ in range(3))
    fade = -torch.rand(1, 2, 9, dtype=torch.float64, generator=generator)
    start = torch.randn(1, 2, 3, 3, dtype=torch.float64, generator=generator)
    nothing = torch.zeros(1, 2, 9, dtype=torch.float64)
    left = fade.cumsum(-1).exp()
    assert_close(delta_rule(q, k, v, nothing, fade, start), left[..., None] * (q @ start), 1e-10)
    assert_close(delta_rule_state(k, v, nothing, fade, start), left[..., -1, None, None] * start, 1e-10)


def test_sizes_and_first_values_are_those_published():
    module = GatedDeltaNetMixer1d(64, 4)
    assert (module.key_width, module.value_width) == (12, 24)  # 4 * 12 is three quarters of 64
    step = torch.nn.functional.softplus(module.step_bias.detach())
    assert bool((step >= FIRST_STEP[0] * 0.999).all())
    assert bool((step <= FIRST_STEP[1] * 1.001).all())
    assert bool((module.log_rate.detach().exp() <= FASTEST).all())
