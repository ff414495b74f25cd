"""TCNCA: streaming, work, and recalling what was paired with a key."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.tolerances import assert_close
from circulant.models.language_model import LanguageModel
from circulant.models.tcnca import TCNCA
from circulant.train.fit import fit
from circulant.train.recipe import Recipe


def test_what_comes_later_does_not_change_a_bit():
    layer, x = TCNCA(6, 4, 32).double(), torch.randn(2, 6, 19, dtype=torch.float64)
    other = x.clone()
    other[..., 10:] = 1e3
    assert torch.equal(layer(x)[..., :10], layer(other)[..., :10])


@pytest.mark.parametrize("sizes", [[1] * 19, [3, 9, 7], [19], [8, 1, 10]])
def test_a_stream_in_any_chunks_equals_the_whole(sizes):
    layer, x = TCNCA(6, 4, 32).double(), torch.randn(2, 6, 19, dtype=torch.float64)
    state, rows = layer.initial_state(2), []
    for piece in x.split(sizes, -1):
        y, state = layer.step(piece, state)
        rows.append(y)
    assert_close(torch.cat(rows, -1), layer(x))
    assert state.mixed.shape == (2, 6, 3)  # less than a chunk is kept


def test_counted_work_is_linear_in_the_length():
    layer = TCNCA(8, 16, 64)

    def flop(length):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            layer(torch.zeros(1, 8, length))
        return counter.get_total_flops()

    assert flop(256) - flop(128) == 2 * (flop(128) - flop(64))
    assert flop(256) < 2.01 * flop(128)


def test_attention_alone_does_not_cross_chunks_and_the_convolution_does():
    layer, x = TCNCA(4, 4, 16).double(), torch.randn(1, 4, 8, dtype=torch.float64)
    other = x.clone()
    other[:, 0, 1] += 1
    assert (layer(x) - layer(other))[..., 4:].abs().max() > 1e-6
    with torch.no_grad():
        layer.tcn.mix.zero_()
        layer.tcn.bias.zero_()
    changed = (layer(x) - layer(other)).abs().amax((0, 1))
    assert changed[1] > 0
    assert changed[4:].max() == 0


def _recall(count, seed, length=32, vocabulary=10):
    """Pairs of keys and values, then a key that was seen; its value follows. Keys 0 to 4, values 5 to 9."""
    generator = torch.Generator().manual_seed(seed)
    keys = vocabulary // 2
    table = torch.randint(keys, vocabulary, (count, keys), generator=generator)
    shown = torch.randint(0, keys, (count, length // 2 - 1), generator=generator)
    pairs = torch.stack([shown, table.gather(1, shown)], -1).flatten(1)
    place = torch.randint(0, shown.shape[1], (count, 1), generator=generator)
    asked = shown.gather(1, place)
    return torch.cat([pairs, asked], 1), table.gather(1, asked)[:, 0]


@pytest.mark.slow
def test_values_are_recalled_from_a_sequence_of_32_symbols_out_of_10():
    codes, wanted = _recall(20_000, 0)
    torch.manual_seed(0)
    layers = [TCNCA(32, 32, 32, value_channels=32, kernel_size=2) for _ in range(2)]
    network = LanguageModel(10, 32, layers)

    def loss(logits, y):
        return nn.functional.cross_entropy(logits[..., -1], y)

    fit(network, codes, wanted, steps=500, loss=loss, recipe=Recipe(batch=64, weight_decay=0.01))
    codes, wanted = _recall(1000, 1)
    with torch.no_grad():
        accuracy = (network(codes)[..., -1].argmax(1) == wanted).float().mean().item()
    print(f"associative recall: {accuracy:.3f}")
    assert accuracy >= 0.95
