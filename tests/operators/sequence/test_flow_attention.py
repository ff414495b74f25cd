"""Flows: the explicit square of flows, conservation at both ends, memory that grows with the length alone."""

import pytest
import torch
from tests.engine.peak_memory import allocated_byte
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.data.series import bundled_series
from circulant.models.heads import PoolHead
from circulant.models.language_model import mixing_layer
from circulant.operators.sequence.flow_attention import EPS, FlowAttention1d, FlowAttention2d, mix_flows
from circulant.train.fit import fit
from circulant.train.recipe import Recipe
from circulant.train.tensors import to_tensors


def flows(sinks, sources, width=4, values=3):
    generator = torch.Generator().manual_seed(sinks + sources)
    shapes = [(2, 2, sinks, width), (2, 2, sources, width), (2, 2, sources, values)]
    q, k, v = (torch.randn(shape, dtype=torch.float64, generator=generator) for shape in shapes)
    return q.sigmoid(), k.sigmoid(), v


@pytest.mark.parametrize(("sinks", "sources"), [(5, 5), (3, 7), (8, 2), (1, 1)])
def test_it_is_the_explicit_square_of_flows(sinks, sources):
    """Between sinks and sources of different number too, as between a sentence and another."""
    q, k, v = flows(sinks, sources)
    capacity = torch.einsum("bhid,bhjd->bhij", q, k)
    inflow = ((q + EPS) * (k.sum(2, keepdim=True) + EPS)).sum(-1)
    outflow = ((k + EPS) * (q.sum(2, keepdim=True) + EPS)).sum(-1)
    sink = ((q + EPS) * ((k / outflow[..., None]).sum(2, keepdim=True) + EPS)).sum(-1)
    source = ((k + EPS) * ((q / inflow[..., None]).sum(2, keepdim=True) + EPS)).sum(-1)
    competition = torch.softmax(source.clamp(-1, 1), -1) * sources
    square = capacity / inflow[..., None] * competition[:, :, None, :]
    square = square * torch.sigmoid(sink * sinks / sources)[..., None]
    assert_close(mix_flows(q, k, v), square @ v, 1e-10)


def test_without_eps_each_source_gives_one_and_each_sink_takes_one():
    q, k, _ = flows(6, 9)
    inflow, outflow = (q * k.sum(2, keepdim=True)).sum(-1), (k * q.sum(2, keepdim=True)).sum(-1)
    capacity = torch.einsum("bhid,bhjd->bhij", q, k)
    given, taken = (capacity / outflow[:, :, None]).sum(2), (capacity / inflow[..., None]).sum(3)
    assert (given - 1).abs().max() < 1e-12
    assert (taken - 1).abs().max() < 1e-12


@pytest.mark.parametrize("eps", [0.0, EPS])
def test_with_equal_values_and_no_competition_every_sink_gets_its_gate_alone(eps):
    """Equal keys compete for nothing, so that a sink's inflow of one carries the value unchanged."""
    q, k, _ = flows(6, 6)
    k = k[:, :, :1].expand(k.shape)
    mixed = mix_flows(q, k, torch.ones(2, 2, 6, 1, dtype=torch.float64), eps)
    outflow = ((k + eps) * (q.sum(2, keepdim=True) + eps)).sum(-1, keepdim=True)
    gate = ((q + eps) * ((k / outflow).sum(2, keepdim=True) + eps)).sum(-1, keepdim=True).sigmoid()
    error = (mixed / gate - 1).abs().max()
    assert error < (1e-12 if eps == 0 else 1e-4)
    assert eps == 0 or error > 1e-8  # published, eps shifts it a little


def test_the_order_of_the_positions_does_not_matter_nor_whether_they_form_a_grid():
    line, grid = FlowAttention1d(8, 2).double(), FlowAttention2d(8, 2).double()
    grid.load_state_dict(line.state_dict())
    x = torch.randn(2, 8, 4, 5, dtype=torch.float64)
    assert_close(grid(x).flatten(2), line(x.flatten(2)), 1e-10)


def test_the_peak_of_allocated_memory_is_linear_in_the_length():
    module = FlowAttention1d(16, 2).requires_grad_(False)

    def peak(length):
        x = torch.randn(1, 16, length)
        module(x)
        return allocated_byte(lambda: module(x))

    short, long = peak(512), peak(4096)
    assert long <= 8.5 * short
    assert long < 4 * 4096**2  # one square of positions alone takes more


class SoftmaxAttention(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)

    def forward(self, x):
        rows = x.transpose(1, 2)
        return self.attention(rows, rows, rows, need_weights=False)[0].transpose(1, 2)


class Lift(nn.Module):
    def __init__(self, channels, length):
        super().__init__()
        self.conv = nn.Conv1d(1, channels, 5, padding=2)
        self.position = nn.Parameter(0.02 * torch.randn(channels, length))

    def forward(self, x):
        return self.conv(x) + self.position


@pytest.mark.slow
def test_series_are_classified_within_two_points_of_softmax_attention():
    data = to_tensors(bundled_series("ItalyPowerDemand"))
    accuracy = {FlowAttention1d: 0.0, SoftmaxAttention: 0.0}
    for seed in range(3):
        for attention in accuracy:
            torch.manual_seed(seed)
            layers = [mixing_layer(16, attention(16, 2)) for _ in range(2)]
            network = nn.Sequential(Lift(16, data.x_train.shape[2]), *layers, PoolHead(16, 2))
            fit(network, data.x_train, data.y_train, steps=100, recipe=Recipe(learning_rate=3e-3), seed=seed)
            with torch.no_grad():
                accuracy[attention] += (
                    network(data.x_test).argmax(1) == data.y_test
                ).float().mean().item() / 3
    assert accuracy[SoftmaxAttention] > 0.9
    assert accuracy[FlowAttention1d] > accuracy[SoftmaxAttention] - 0.02
