"""A network on cosine coefficients."""

from time import perf_counter

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.data.burgers import burgers
from circulant.engine.cosine_transform import dct, idct
from circulant.models.transform_once import (
    SpectralActivation,
    SpectralLayer,
    TransformOnce,
    select_modes,
    variance_preserving_init,
)
from circulant.operators.spectral.spectral_conv import SpectralConv1d
from circulant.train.fit import fit
from circulant.train.recipe import Recipe


class Transforms(TorchDispatchMode):
    """Counts transforms by kind."""

    def __init__(self):
        super().__init__()
        self.kinds = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.circulant.transform.default:
            self.kinds.append(args[1])
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("share", [8, 2, 1])
def test_the_first_weights_keep_the_variance_of_white_signals(share):
    channels, points = 16, 256
    modes = points // share
    ratios = []
    for _ in range(50):
        x = torch.randn(4, channels, points)
        weight = variance_preserving_init(torch.empty(channels, channels, modes), points, modes)
        low = torch.einsum("bik,iok->bok", select_modes(dct(x), (modes,)), weight)
        y = idct(nn.functional.pad(low, (0, points - modes)))
        ratios.append((y.var() / x.var()).item())
    assert abs(sum(ratios) / 50 - 1) < 0.05


def test_the_first_weights_of_pairs_have_half_the_gain_in_each_part():
    torch.manual_seed(0)
    weight = variance_preserving_init(torch.empty(32, 32, 64, 2), 128, 64, is_complex=True)
    assert abs(weight[..., 0].std() / (0.5 * (128 / 64 / 32) ** 0.5) - 1) < 0.02
    assert abs(weight[..., 1].std() / (0.5 * (128 / 64 / 32) ** 0.5) - 1) < 0.02


@pytest.mark.parametrize("depth", [1, 4, 9])
@pytest.mark.parametrize("sizes", [(32,), (12, 16)], ids=str)
def test_one_transform_and_one_inverse_whatever_the_depth(depth, sizes):
    network = TransformOnce(1, 1, 6, 8, sizes, depth)
    with Transforms() as counted, torch.no_grad():
        network(torch.randn(2, 1, *sizes))
    assert counted.kinds == ["cosine", "cosine_adjoint"]


def test_a_linear_layer_with_diagonal_weights_solves_the_heat_equation():
    points, diffusivity, time = 64, 0.05, 0.3
    x = (torch.arange(points, dtype=torch.float64) + 0.5) / points
    amplitudes = torch.randn(10, dtype=torch.float64)
    waves = torch.cos(torch.pi * torch.arange(10).double()[:, None] * x)  # slopes vanish at both ends
    decay = torch.exp(-diffusivity * (torch.pi * torch.arange(points, dtype=torch.float64)) ** 2 * time)
    layer = SpectralLayer(1, (points,), points, activation=SpectralActivation.NONE, residual=False).double()
    with torch.no_grad():
        layer.weight[0, 0] = decay
        layer.mixing[0][0] = torch.eye(points)
    found = idct(layer(dct((amplitudes @ waves)[None, None])))
    assert_close(found[0, 0], (amplitudes * decay[:10]) @ waves, 1e-10)


def test_frequencies_above_the_modes_vanish_or_stay():
    z = torch.randn(2, 3, 10, 12)
    for keep_high in (False, True):
        y = SpectralLayer(3, (4, 5), 120, keep_high=keep_high)(z)
        expected = z if keep_high else torch.zeros_like(z)
        assert torch.equal(y[:, :, 4:], expected[:, :, 4:])
        assert torch.equal(y[:, :, :, 5:], expected[:, :, :, 5:])
        assert not torch.equal(y[:, :, :4, :5], z[:, :, :4, :5])


def test_every_axis_is_mixed_by_a_matrix_for_each_channel():
    layer = SpectralLayer(2, (3, 4), 12, activation=SpectralActivation.GELU).double()
    z = torch.randn(2, 2, 3, 4, dtype=torch.float64)
    made = nn.functional.gelu(torch.einsum("bixy,ioxy->boxy", z, layer.weight))
    rows, columns = layer.mixing
    assert_close(layer(z), torch.einsum("bcxy,cxu,cyv->bcuv", made, rows, columns) + z)


def test_bad_modes_are_refused():
    with pytest.raises(ArgumentError, match="modes of 1 or more for each of"):
        TransformOnce(1, 1, 4, (3,), (8, 8))
    with pytest.raises(ShapeError, match="take fewer modes"):
        select_modes(torch.zeros(1, 4), (5,))


class FourierOperator(nn.Module):
    """The network of the comparison: layers of spectral convolution, each with its own transforms."""

    def __init__(self, width, modes, depth=4):
        super().__init__()
        self.lift = nn.Conv1d(2, width, 1)
        self.spectral = nn.ModuleList(SpectralConv1d(width, width, modes) for _ in range(depth))
        self.local = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(depth))
        self.head = nn.Sequential(nn.Conv1d(width, 128, 1), nn.GELU(), nn.Conv1d(128, 1, 1))

    def forward(self, x):
        grid = torch.linspace(0, 1, x.shape[-1]).expand_as(x)
        x = self.lift(torch.cat([x, grid], 1))
        for spectral, local in zip(self.spectral, self.local):
            x = nn.functional.gelu(spectral(x) + local(x))
        return self.head(x)


def size(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.slow
def test_burgers_is_learnt_and_printed_beside_a_fourier_operator_of_equal_size(capsys):
    x, y = burgers(280, 64, 0, viscosity=0.02)
    trained, held = slice(0, 240), slice(240, None)
    torch.manual_seed(0)
    networks = {"TransformOnce": TransformOnce(1, 1, 20, 24, (64,)), "FNO": FourierOperator(29, 12)}
    sizes = [size(network) for network in networks.values()]
    assert abs(sizes[0] / sizes[1] - 1) < 0.1
    for name, network in networks.items():
        start = perf_counter()
        fit(
            network, x[trained], y[trained], steps=250, loss=nn.functional.mse_loss,
            recipe=Recipe(learning_rate=3e-3, weight_decay=0.0),
        )  # fmt: skip
        seconds = (perf_counter() - start) / 250
        with torch.no_grad():
            error = ((network(x[held]) - y[held]).norm() / y[held].norm()).item()
        with capsys.disabled():
            print(f"\n{name}: {size(network)} parameters, error {error:.3f}, {1e3 * seconds:.1f} ms a step")
        assert error < 0.5
