"""FFTNet: the order of its parts, and a symbol carried over half a sequence."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.models.fftnet import FFTNet, FFTNetMixer
from circulant.train.fit import fit
from circulant.train.predict import predict


def test_a_layer_is_the_filter_with_its_norm_behind_and_a_net_with_its_norm_in_front():
    layer, x = FFTNetMixer(8, 10, 2).double().eval(), torch.randn(2, 8, 10, dtype=torch.float64)
    mixer, mlp = layer.mixing.branch[0], layer.feeding.branch
    mixed = layer.mixing.norm(x + mixer(x))
    assert_close(layer(x), mixed + mlp(layer.feeding.norm(mixed)))


def test_a_layer_commutes_with_circular_shifts():
    layer, x = FFTNetMixer(8, 10, 2).double().eval(), torch.randn(2, 8, 10, dtype=torch.float64)
    assert_close(layer(x.roll(3, -1)), layer(x).roll(3, -1))


def test_parameters_are_those_of_filters_nets_norms_and_ends():
    C, L, H = 8, 9, 2
    bins = (L + 1) // 2 + 1
    context = C * C + C + C * H * bins + H * bins
    layer = 2 * H * bins + context + 8 * C * C + 5 * C + 4 * C
    ends = 3 * C + C + C + C * (L + 1) + 2 * C + 5 * C + 5
    model = FFTNet(3, L, 5, channels=C, depth=2, heads=H)
    assert sum(p.numel() for p in model.parameters()) == 2 * layer + ends
    assert model(torch.randn(2, 3, L)).shape == (2, 5)
    with pytest.raises(ShapeError, match="L = 9"):
        model(torch.randn(2, 3, 8))


@pytest.mark.slow
def test_a_symbol_shown_early_is_classified_from_the_end_of_the_sequence():
    """Noise everywhere but at one place, half a sequence before the one that is read."""
    generator = torch.Generator().manual_seed(0)
    codes = torch.randint(0, 4, (4000, 64), generator=generator)
    x, y = nn.functional.one_hot(codes, 4).mT.float(), codes[:, 16]
    torch.manual_seed(0)

    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Conv1d(4, 16, 1)
            self.mixer = FFTNetMixer(16, 64, dropout=0.0)
            self.read = nn.Linear(16, 4)

        def forward(self, x):
            return self.read(self.mixer(self.embed(x))[..., 48])

    network = Reader()
    fit(network, x[:3000], y[:3000], steps=600)
    accuracy = (predict(network, x[3000:]) == y[3000:]).float().mean().item()
    print(f"symbol over 32 samples: {accuracy:.3f}")
    assert accuracy >= 0.95
