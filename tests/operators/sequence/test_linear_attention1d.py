"""The operator is attention with the slopes of ALiBi; it streams with one small state."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.sequence.linear_attention1d import LinearAttention1d, alibi_slopes


def test_it_is_the_masked_square_of_its_heads():
    module, x = LinearAttention1d(8, 4).double(), torch.randn(2, 8, 77, dtype=torch.float64)
    q, k, v = (
        project(x.mT).unflatten(-1, (4, 2)).transpose(1, 2)
        for project in (module.query, module.key, module.value)
    )
    factor = torch.exp(-torch.tensor([2.0**-2, 2.0**-4, 2.0**-6, 2.0**-8], dtype=torch.float64))
    lag = torch.arange(77)[:, None] - torch.arange(77)
    mask = torch.where(lag >= 0, factor[:, None, None] ** lag.clamp(min=0), 0)
    attended = ((q @ k.mT) * mask) @ v
    assert_close(module(x), module.output(attended.transpose(1, 2).flatten(2)).mT, 1e-10)


def test_in_half_precision_the_memory_keeps_its_length():
    module, x = LinearAttention1d(8, 8), torch.ones(1, 8, 2000)
    expected = module.double()(x.double())
    assert_close(module.bfloat16()(x.bfloat16()), expected, 5e-2)


def test_the_state_does_not_grow_with_the_samples_seen():
    module = LinearAttention1d(8, 2)
    state = module.initial_state(3)
    for chunk in (1, 5, 100):
        _, state = module.step(torch.randn(3, 8, chunk), state)
        assert state.shape == (3, 2, 4, 4)


def test_slopes_are_those_of_alibi():
    assert alibi_slopes(8) == [2.0**-h for h in range(1, 9)]
    assert alibi_slopes(1) == [2.0**-8]
    assert alibi_slopes(6) == pytest.approx([2**-2, 2**-4, 2**-6, 2**-8, 2**-1, 2**-3])


def test_without_decay_every_sample_is_remembered_alike():
    module = LinearAttention1d(4, 2, decay=False).double()
    x = torch.randn(1, 4, 20, dtype=torch.float64)
    order = torch.randperm(19)
    shuffled = torch.cat([x[..., :-1][..., order], x[..., -1:]], -1)
    assert_close(module(shuffled)[..., -1], module(x)[..., -1], 1e-10)


def test_the_four_projections_are_all_the_parameters():
    shapes = {name: tuple(p.shape) for name, p in LinearAttention1d(6, 3).named_parameters()}
    assert shapes == {f"{name}.weight": (6, 6) for name in ("query", "key", "value", "output")}


def test_work_is_linear_in_the_length():
    module = LinearAttention1d(8, 2)
    assert module.cost((1, 8, 16 * 64)).flop == 16 * module.cost((1, 8, 64)).flop


@pytest.mark.parametrize("heads", [0, 3])
def test_heads_that_do_not_divide_the_channels_are_refused(heads):
    with pytest.raises(ArgumentError, match="divisor of channels = 8"):
        LinearAttention1d(8, heads)
