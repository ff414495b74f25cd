import torch

from circulant.core.tolerances import assert_close
from circulant.operators.spectral.wavelet_gating2d import WaveletGating2d


def with_gates(*gates):
    """Whatever the picture."""
    gating = WaveletGating2d(4, dtype=torch.float64)
    gating.gates = lambda x: torch.tensor(gates, dtype=x.dtype).expand(len(x), 4)
    return gating


def test_gates_of_one_reconstruct_the_picture():
    x = torch.randn(2, 4, 7, 10, dtype=torch.float64)
    assert_close(with_gates(1, 1, 1, 1)(x), x, 1e-12)


def test_the_high_band_alone_removes_constants_and_slopes_along_one_axis():
    ramp = torch.arange(8, dtype=torch.float64).expand(1, 4, 8, 8)
    high = with_gates(0, 0, 0, 1)
    assert high(torch.full((1, 4, 8, 8), 3.0, dtype=torch.float64)).abs().max() < 1e-12
    assert high(ramp + 2 * ramp.transpose(2, 3)).abs().max() < 1e-12
    assert_close(with_gates(1, 1, 1, 0)(ramp), ramp, 1e-12)


def test_gates_depend_on_the_picture_and_lie_between_0_and_1():
    gates = WaveletGating2d(4, 1).gates(torch.randn(2, 4, 6, 6))
    assert gates.shape == (2, 4)
    assert (gates > 0).all()
    assert (gates < 1).all()
    assert not torch.equal(gates[0], gates[1])
