"""The selective recurrence: one function, step by step or as a tree; time-invariant where its input is."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close, relative_error
from circulant.operators.sequence.selective_ssm1d import SelectiveSsm1d
from circulant.operators.sequence.selective_state_space import SelectiveStateSpace


def parts(ssm, x):
    """Factors, inputs (B, D, N, L) and output weights of the recurrence, written out; one path."""
    made = torch.einsum("bdl,cd->bcl", x, ssm.project[0])
    low, B, C = made.split([ssm.rank, ssm.states, ssm.states], 1)
    step = torch.einsum("brl,dr->bdl", low, ssm.step_weight[0]) + ssm.step_bias[0][:, None]
    step = torch.log(1 + step.exp())[:, :, None]
    factor = torch.exp(-step * ssm.log_decay[0].exp()[..., None])
    return factor, step * B[:, None] * x[:, :, None], C


def one_after_another(factor, driven):
    h, states = 0, []
    for a, b in zip(factor.unbind(-1), driven.unbind(-1)):
        h = a * h + b
        states.append(h)
    return torch.stack(states, -1)


def as_a_tree(factor, driven):
    """Pairs (a, b) and (a', b') of neighbours make (a' a, a' b + b'); halves are joined, then finished."""
    length = factor.shape[-1]
    if length == 1:
        return factor, driven
    cut = length // 2
    (a0, b0), (a1, b1) = (
        as_a_tree(factor[..., part], driven[..., part]) for part in (slice(0, cut), slice(cut, None))
    )
    end_a, end_b = a0[..., -1:], b0[..., -1:]
    return torch.cat([a0, a1 * end_a], -1), torch.cat([b0, a1 * end_b + b1], -1)


@pytest.mark.parametrize("length", [1, 2, 37, 300])
def test_the_scan_equals_the_recurrence_and_the_associative_scan(length):
    torch.manual_seed(0)
    ssm = SelectiveStateSpace(6, 4, 2, dtype=torch.float64)
    x = torch.randn(2, 6, length, dtype=torch.float64)
    factor, driven, C = parts(ssm, x)
    y, last = ssm(x[:, None])
    for states in (one_after_another(factor, driven), as_a_tree(factor, driven)[1]):
        expected = (states * C[:, None]).sum(2) + ssm.skip[0][:, None] * x
        assert_close(y[:, 0], expected, 1e-10)
        assert_close(last, states[..., -1], 1e-10)


def constant_system():
    """A recurrence whose step, B and C follow from channel 0 alone, and inputs that keep it at 1."""
    torch.manual_seed(0)
    ssm = SelectiveStateSpace(5, 3, 1, dtype=torch.float64)
    with torch.no_grad():
        ssm.project[:, :, 1:] = 0
        ssm.step_bias.fill_(0.5)  # steps of about one: Euler's rule and the hold differ visibly
    x = torch.randn(2, 5, 40, dtype=torch.float64)
    x[:, 0] = 1
    return ssm, x


def test_constant_parameters_make_mamba_the_time_invariant_system_of_euler_not_of_the_hold():
    ssm, x = constant_system()
    with torch.no_grad():
        y, _ = ssm(x[:, None])
        low, B, C = ssm.project[0, :, 0].split([1, 3, 3])
        dt = torch.log(1 + torch.exp(ssm.step_weight[0, :, 0] * low + ssm.step_bias[0]))[:, None]
        A = -ssm.log_decay[0].exp()
        gains = {"euler": dt * B, "hold": (torch.exp(dt * A) - 1) / A * B}
        errors = {}
        for name, gain in gains.items():
            kernel = (C * gain * torch.exp(dt * A * torch.arange(40)[:, None, None])).sum(-1)  # (L, D)
            expected = ssm.skip[0][:, None] * x
            for l in range(40):
                expected[..., l] += torch.einsum("bdm,md->bd", x[..., : l + 1].flip(-1), kernel[: l + 1])
            errors[name] = relative_error(y[:, 0, 1:], expected[:, 1:])
    assert errors["euler"] < 1e-10
    assert errors["hold"] > 0.01


def test_several_paths_are_several_recurrences():
    torch.manual_seed(0)
    ssm = SelectiveStateSpace(4, 3, 2, paths=3, dtype=torch.float64)
    x = torch.randn(2, 3, 4, 9, dtype=torch.float64)
    y, last = ssm(x)
    for path in range(3):
        single = SelectiveStateSpace(4, 3, 2, dtype=torch.float64)
        single.load_state_dict({name: value[path : path + 1] for name, value in ssm.state_dict().items()})
        alone, state = single(x[:, path : path + 1])
        assert_close(y[:, path], alone[:, 0])
        assert_close(last.unflatten(1, (3, 4))[:, path], state)


def test_parameters_are_those_of_the_published_model():
    """Mamba-130M: 24 layers of width 768, each with a norm, one norm at the end, 50,280 embedded tokens."""
    block = sum(p.numel() for p in SelectiveSsm1d(768, device="meta").parameters())
    assert 24 * (block + 768) + 768 + 50_280 * 768 == 129_135_360


def test_steps_start_between_a_thousandth_and_a_tenth_and_poles_at_whole_numbers():
    ssm = SelectiveSsm1d(64, 4).ssm
    step = torch.nn.functional.softplus(ssm.step_bias)
    assert 0.001 * 0.999 <= step.min() <= step.max() <= 0.1001
    assert_close(ssm.log_decay.detach().exp()[0, 7], torch.arange(1.0, 5.0))


def test_the_state_does_not_grow_with_the_samples_seen():
    module = SelectiveSsm1d(3, 2)
    state = module.initial_state(2)
    for chunk in (1, 7, 100):
        _, state = module.step(torch.randn(2, 3, chunk), state)
        assert (state.recent.shape, state.memory.shape) == ((2, 6, 3), (2, 6, 2))


@pytest.mark.parametrize("arguments", [{"states": 0}, {"rank": 0}, {"expand": 0}])
def test_empty_sizes_are_refused(arguments):
    with pytest.raises(ArgumentError, match="of 1 or more"):
        SelectiveSsm1d(4, **arguments)
