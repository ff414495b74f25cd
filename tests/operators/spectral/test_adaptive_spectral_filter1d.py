"""The adaptive filter as a circular convolution, and what its nonlinearity keeps."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.engine.transform import irfft, rfft
from circulant.operators.spectral.adaptive_spectral_filter1d import AdaptiveSpectralFilter1d
from circulant.operators.spectral.mod_relu import ModReLU, mod_relu


@pytest.fixture(autouse=True)
def _one_thread():
    """The tensors are tiny: waking a second thread takes longer than the work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def built(*args, **kwargs):
    """With a base filter and a network that are not at their first values."""
    torch.manual_seed(0)
    module = AdaptiveSpectralFilter1d(*args, dtype=torch.float64, **kwargs)
    with torch.no_grad():
        module.base.normal_()
    return module


def pairs(*shape):
    return torch.randn(*shape, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("length", [1, 2, 9, 16])
def test_without_bias_and_network_it_is_a_circular_convolution_with_an_even_kernel(length):
    module = built(4, length, 2, adaptive=False)
    x = torch.randn(2, 4, length, dtype=torch.float64)
    impulse = torch.zeros(1, 4, length, dtype=torch.float64)
    impulse[..., 0] = 1
    with torch.no_grad():
        kernel = module(impulse)[0]
        y = module(x)
    assert_close(kernel.flip(-1).roll(1, -1), kernel, 1e-12)
    index = (torch.arange(length)[:, None] - torch.arange(length)) % length
    assert_close(y, torch.einsum("clm,bcm->bcl", kernel[:, index], x), 1e-12)


def test_energy_is_kept_where_every_gain_is_one():
    module = AdaptiveSpectralFilter1d(4, 15, adaptive=False, dtype=torch.float64)
    x = torch.randn(2, 4, 15, dtype=torch.float64)
    assert_close(module(x), x, 1e-12)
    spectrum = rfft(x) * 15**-0.5
    twice = torch.full((8, 1), 2.0, dtype=torch.float64).index_fill(0, torch.tensor(0), 1.0)
    energy = (spectrum.square() * twice).sum()
    assert_close(energy, x.square().sum(), 1e-12)


def test_mod_relu_keeps_the_phase_and_shifts_the_magnitude():
    z = pairs(50)
    bias = torch.linspace(-1.0, 1.0, 50, dtype=torch.float64)
    before, after = torch.view_as_complex(z), torch.view_as_complex(mod_relu(z, bias[:, None]))
    assert_close(after.abs(), (before.abs() + bias).clamp(min=0))
    alive = after.abs() > 0
    assert 0.4 < alive.double().mean() < 1
    assert_close(after.angle()[alive], before.angle()[alive])


def test_mod_relu_starts_as_the_identity_also_in_its_gradient_at_zero():
    z = pairs(3, 2)
    z[0] = 0
    z.requires_grad_()
    y = ModReLU(2)(z)
    (gradient,) = torch.autograd.grad(y.sum(), z)
    assert_close(y, z.detach(), 1e-15)
    assert_close(gradient, torch.ones_like(z), 1e-15)


def test_the_gains_follow_the_mean_of_the_sequence_and_nothing_else_of_it():
    module, x = built(4, 10, 2), torch.randn(1, 4, 10, dtype=torch.float64)
    assert_close(module.filter(x.flip(-1)), module.filter(x), 1e-12)
    assert (module.filter(x + 1) - module.filter(x)).abs().max() > 1e-3


def test_a_real_offset_of_every_bin_would_break_the_equivariance_to_shifts():
    module, x = built(2, 10, 2), torch.randn(1, 2, 10, dtype=torch.float64)

    def offset(values):
        z = rfft(module(values)) + torch.tensor([0.5, 0.0], dtype=torch.float64)
        return irfft(mod_relu(z, torch.tensor(-0.2, dtype=torch.float64)), 10)

    assert_close(module(x.roll(3, -1)), module(x).roll(3, -1))
    assert (offset(x.roll(3, -1)) - offset(x).roll(3, -1)).abs().max() > 0.1


class _CopyTask(nn.Module):
    """Reads at one place what was shown half a sequence earlier."""

    def __init__(self, mixer, length, symbols, channels):
        super().__init__()
        self.embed = nn.Embedding(symbols + 1, channels)
        self.mixer, self.norm = mixer, nn.LayerNorm(channels)
        self.read = nn.Sequential(nn.Linear(channels, channels), nn.GELU(), nn.Linear(channels, symbols))
        self.place = 3 * length // 4

    def forward(self, tokens):
        x = self.embed(tokens).mT
        return self.read(self.norm((x + self.mixer(x))[..., self.place]))


def _copy_accuracy(mixer, length=64, symbols=4, channels=16):
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    model = _CopyTask(mixer, length, symbols, channels)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)

    def drawn(count):
        tokens = torch.randint(0, symbols, (count, length), generator=generator)
        return tokens, tokens[:, length // 4]

    for _ in range(250):
        tokens, shown = drawn(64)
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(tokens), shown).backward()
        optimiser.step()
    tokens, shown = drawn(1000)
    return (model(tokens).argmax(-1) == shown).double().mean().item()


def test_a_symbol_is_copied_over_half_the_sequence():
    torch.manual_seed(0)
    assert _copy_accuracy(AdaptiveSpectralFilter1d(16, 64)) >= 0.95
    assert _copy_accuracy(nn.Identity()) < 0.4


@pytest.mark.parametrize("settings", [(4, 8, 3), (4, 8, 0), (4, 0, 2)])
def test_settings_that_do_not_fit_are_refused(settings):
    with pytest.raises(ArgumentError, match=r"expected (heads|length)"):
        AdaptiveSpectralFilter1d(*settings)
