"""The additive recurrence: a cumulative softmax, step by step, without overflow."""

import torch

from circulant.core.tolerances import assert_close
from circulant.operators.sequence.causal_light_net_mixer1d import CausalLightNetMixer1d
from circulant.operators.sequence.heads import join_heads, split_heads


def module_and_input(length):
    torch.manual_seed(0)
    return CausalLightNetMixer1d(8, 2, key_width=3, gate_rank=4).double(), torch.randn(
        2, 8, length, dtype=torch.float64
    )


def finished(module, x, read):
    rows = x.transpose(1, 2)
    return module.output(module.norm(join_heads(read), module.gate_up(module.gate_down(rows)))).transpose(
        1, 2
    )


def test_it_is_the_softmax_over_all_samples_so_far_in_its_direct_form():
    module, x = module_and_input(70)
    q, k, v = (split_heads(p(x.transpose(1, 2)), 2) for p in (module.query, module.key, module.value))
    shares = [torch.softmax(k[:, :, : t + 1], dim=2) for t in range(70)]
    memories = [share.mT @ v[:, :, : t + 1] for t, share in enumerate(shares)]
    read = torch.stack(
        [(q[:, :, t, None].sigmoid() * q[:, :, t, None] @ memories[t])[:, :, 0] for t in range(70)], 2
    )
    assert_close(module(x), finished(module, x, read), 1e-10)


def test_it_is_the_additive_recurrence_as_published():
    module, x = module_and_input(20)
    q, k, v = (split_heads(p(x.transpose(1, 2)), 2) for p in (module.query, module.key, module.value))
    z, rows = k.logcumsumexp(2), []
    memory = torch.zeros(2, 2, 3, 4, dtype=torch.float64)
    for t in range(20):
        new = (k[:, :, t] - z[:, :, t]).exp()
        memory = (1 - new)[..., None] * memory + new[..., None] * v[:, :, t, None]
        rows.append((torch.nn.functional.silu(q[:, :, t])[:, :, None] @ memory)[:, :, 0])
    assert_close(module(x), finished(module, x, torch.stack(rows, 2)), 1e-10)


def test_keys_of_eighty_overflow_neither_at_once_nor_in_steps_nor_in_gradients():
    module = CausalLightNetMixer1d(4, 1, key_width=4, gate_rank=2)
    with torch.no_grad():
        module.key.weight.copy_(80 * torch.eye(4))
    x = torch.randn(2, 4, 30).sign().requires_grad_()
    y = module(x)
    y.sum().backward()
    assert bool(y.isfinite().all())
    assert bool(x.grad.isfinite().all())
    state, steps = module.initial_state(2), []
    with torch.no_grad():
        for sample in x.split(1, dim=2):
            step, state = module.step(sample, state)
            steps.append(step)
    assert_close(torch.cat(steps, 2), y)
