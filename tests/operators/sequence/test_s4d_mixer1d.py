"""The layer of S4D around its system."""

import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.engine.choice import use
from circulant.functional import AlgorithmName
from circulant.operators.sequence.s4d_mixer1d import S4dMixer1d


def test_steps_equal_the_convolution_by_fft():
    module = S4dMixer1d(3, 8, dtype=torch.float64)
    x = torch.randn(2, 3, 150, dtype=torch.float64)
    with torch.no_grad():
        state, outputs = module.initial_state(2), []
        for sample in x.split(1, dim=-1):
            y, state = module.step(sample, state)
            outputs.append(y)
        with use(algorithm=AlgorithmName.FFT):
            assert_close(module(x), torch.cat(outputs, -1), 1e-10)


def test_the_system_is_followed_by_gelu_and_a_gated_linear_map():
    module = S4dMixer1d(3, 4, dtype=torch.float64)
    x = torch.randn(2, 3, 10, dtype=torch.float64)
    z = nn.functional.gelu(module.ssm(x))
    made = torch.einsum("oc,bcl->bol", module.output.weight, z) + module.output.bias[:, None]
    assert_close(module(x), made[:, :3] * made[:, 3:].sigmoid())


def test_parameters_are_three_pairs_of_numbers_per_kept_pole_and_the_maps():
    C, S = 6, 4
    expected = C + 2 * C * S + 2 * 2 * C * S + C + 2 * C * C + 2 * C  # dt, A, B and C, D, output
    assert sum(p.numel() for p in S4dMixer1d(C, 2 * S).parameters()) == expected
