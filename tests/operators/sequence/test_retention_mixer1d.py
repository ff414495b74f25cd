"""Retention: decays as published, and scores that see distances alone."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.sequence.heads import split_heads
from circulant.operators.sequence.retention_mixer1d import RetentionMixer1d


def test_the_decay_of_head_h_is_one_less_two_to_the_minus_five_and_h():
    decay = RetentionMixer1d(16, 4).log_decay(torch.zeros(1, dtype=torch.float64)).exp()
    assert_close(decay, torch.tensor([31 / 32, 63 / 64, 127 / 128, 255 / 256], dtype=torch.float64), 1e-12)


def test_it_is_the_masked_square_of_turned_queries_and_keys():
    module = RetentionMixer1d(8, 2).double()
    x = torch.randn(2, 8, 70, dtype=torch.float64)
    rows, position = x.transpose(1, 2), torch.arange(70, dtype=torch.float64)
    q, k, v, gate = (split_heads(p(rows), 2) for p in (module.query, module.key, module.value, module.gate))

    def turned(vectors):
        numbers = torch.view_as_complex(vectors.unflatten(-1, (-1, 2)).contiguous())
        angle = position[:, None] * torch.tensor([1.0, 0.01], dtype=torch.float64)
        return torch.polar(torch.ones_like(angle), angle) * numbers

    scores = (turned(q) @ turned(k).mH).real / 2
    lag = (position[:, None] - position).clamp(min=0)
    fade = torch.tensor([31 / 32, 63 / 64], dtype=torch.float64)[:, None, None] ** lag
    o = (scores * fade).tril() @ v
    o = o / (o.square().mean(-1, keepdim=True) + 1e-5).sqrt() * torch.nn.functional.silu(gate)
    expected = module.output(o.transpose(1, 2).flatten(2)).transpose(1, 2)
    assert_close(module(x), expected, 1e-10)


def test_heads_of_an_odd_width_are_refused():
    with pytest.raises(ArgumentError, match="even number of channels"):
        RetentionMixer1d(6, 2)
