"""The delta rule: one function in four forms, exact overwriting, and better recall than additive memory."""

import pytest
import torch
from torch import nn

from circulant.algorithms.algorithm import AlgorithmName
from circulant.backends.torch import delta_solve
from circulant.backends.torch import linear_attention as linear_attention_backend
from circulant.core.tolerances import assert_close
from circulant.data.recall import UNASKED, multi_query_recall
from circulant.engine.choice import Choice
from circulant.engine.delta_rule import delta_rule
from circulant.engine.linear_attention import linear_attention
from circulant.models.language_model import LanguageModel, mixing_layer
from circulant.operators.sequence.delta_rule_mixer1d import DeltaRuleMixer1d
from circulant.operators.sequence.heads import join_heads
from circulant.problems.delta_solve import DeltaSolveProblem
from circulant.problems.linear_attention import Decay, LinearAttentionProblem
from circulant.train.fit import fit
from circulant.train.recipe import Recipe


def drawn(length, keys=4, values=3):
    generator = torch.Generator().manual_seed(length)

    def normal(*shape):
        return torch.randn(2, 2, length, *shape, dtype=torch.float64, generator=generator)

    k = torch.nn.functional.normalize(normal(keys), dim=-1)
    return normal(keys), k, normal(values), normal().sigmoid()


def householder_products(q, k, v, beta):
    """S[t] as the sum of what was written, each multiplied by all later I - beta k k^T."""
    identity = torch.eye(k.shape[-1], dtype=k.dtype)
    rows = []
    for t in range(k.shape[2]):
        memory = torch.zeros(*k.shape[:2], k.shape[-1], v.shape[-1], dtype=k.dtype)
        for m in range(t + 1):
            written = (beta[:, :, m, None] * k[:, :, m])[..., None] * v[:, :, m, None]
            for later in range(m + 1, t + 1):
                outer = k[:, :, later, :, None] * k[:, :, later, None]
                written = (identity - beta[:, :, later, None, None] * outer) @ written
            memory = memory + written
        rows.append((memory.mT @ q[:, :, t, :, None])[..., 0])
    return torch.stack(rows, 2)


@pytest.mark.parametrize("length", [1, 2, 9])
def test_the_recurrence_and_the_square_equal_products_of_householder_matrices(length):
    operands = drawn(length)
    expected = householder_products(*operands)
    for name in (AlgorithmName.SEQUENTIAL, AlgorithmName.DIRECT):
        assert_close(delta_rule(*operands, choice=Choice(algorithm=name)), expected, 1e-10)


@pytest.mark.parametrize("length", [1, 9, 23])
def test_chunks_of_every_size_equal_the_recurrence(length):
    q, k, v, beta = drawn(length)
    expected = delta_rule(q, k, v, beta, choice=Choice(algorithm=AlgorithmName.SEQUENTIAL))
    solve = DeltaSolveProblem(torch.float64, 2, 2, length, 4, 3, Decay.NONE)
    read = LinearAttentionProblem(torch.float64, 2, 2, length, 4, 3, Decay.NONE)
    for chunk in range(1, length + 2):
        new = delta_solve.chunked(solve, beta[..., None] * k, k, beta[..., None] * v, chunk=chunk)
        assert_close(linear_attention_backend.chunked(read, q, k, new, chunk=chunk), expected, 1e-10)


def test_a_key_that_comes_again_loses_its_old_value_entirely():
    q, k, v, _ = drawn(2)
    k[:, :, 1] = q[:, :, 1] = k[:, :, 0]
    y = delta_rule(q, k, v, torch.ones(2, 2, 2, dtype=torch.float64))
    assert_close(y[:, :, 1], v[:, :, 1], 1e-12)
    assert not torch.allclose(linear_attention(q, k, v)[:, :, 1], v[:, :, 1], atol=1e-2)


def test_every_parameter_is_a_matrix_of_the_width_a_convolution_a_norm_or_the_strength():
    shapes = {name: tuple(p.shape) for name, p in DeltaRuleMixer1d(8, 2).named_parameters()}
    assert shapes == {
        "heads_of.project.weight": (24, 8),
        "heads_of.conv.weight": (24, 1, 4),
        "strength.weight": (2, 8),
        "norm.weight": (4,),
        "output.weight": (8, 8),
    }


class AdditiveTwin(nn.Module):
    """The same maps, strength and norm, but what a key held before stays in the memory."""

    def __init__(self, channels, heads):
        super().__init__()
        self.twin = DeltaRuleMixer1d(channels, heads)

    def forward(self, x):
        heads, strength = self.twin.heads_of(x), self.twin._strength(x)
        read = linear_attention(heads.q, heads.k, strength[..., None] * heads.v)
        return self.twin.output(join_heads(self.twin.norm(read))).transpose(1, 2)


@pytest.mark.slow
def test_it_recalls_the_last_of_several_values_where_additive_memory_of_equal_size_mixes_them():
    sizes = {"pairs": 4, "writes": 8, "length": 24, "keys": 8, "values": 8}
    learnt, unseen = multi_query_recall(4096, **sizes), multi_query_recall(256, **sizes, seed=1)
    x, y = torch.from_numpy(learnt.codes), torch.from_numpy(learnt.answers)
    codes, answers = torch.from_numpy(unseen.codes), torch.from_numpy(unseen.answers)
    asked, accuracy, size = answers != UNASKED, [], []
    for mixer in (DeltaRuleMixer1d, AdditiveTwin):
        torch.manual_seed(0)
        model = LanguageModel(learnt.tokens, 32, [mixing_layer(32, mixer(32, 2)) for _ in range(2)])
        size.append(sum(p.numel() for p in model.parameters()))
        recipe = Recipe(learning_rate=1e-2)
        fit(model, x, y, steps=150, recipe=recipe, loss=torch.nn.functional.cross_entropy)
        with torch.no_grad():
            accuracy.append((model(codes).argmax(1) == answers)[asked].float().mean().item())
    assert size[0] == size[1]
    assert accuracy[0] > 0.95
    assert accuracy[1] < 0.85
