"""Channels as waves: the turn of each pair, and the strongest channel of a position."""

import pytest
import torch

from circulant.core.tolerances import assert_close
from circulant.operators.spatial.wave_channel_mixer2d import WaveChannelMixer2d

C = 6


def operator(expansion: int = 4, **settings) -> WaveChannelMixer2d:
    torch.manual_seed(0)
    return WaveChannelMixer2d(C, expansion, dtype=torch.float64, **settings).eval()


def test_the_complex_step_is_a_2x2_matrix_for_each_pair_of_channels():
    module, f = operator(), torch.randn(2, 4 * C, 5, 7, dtype=torch.float64)
    expected = torch.empty_like(f)
    for j, (a, b) in enumerate(module.turn.tolist()):
        matrix = torch.tensor([[a, -b], [b, a]], dtype=torch.float64)
        expected[:, 2 * j : 2 * j + 2] = torch.einsum("oi,bihw->bohw", matrix, f[:, 2 * j : 2 * j + 2])
    assert_close(module.turned(f), expected, 1e-12)


def test_the_complex_step_is_a_product_of_complex_numbers():
    module, f = operator(), torch.randn(2, 4 * C, 5, 7, dtype=torch.float64)
    numbers = torch.view_as_complex(f.movedim(1, -1).unflatten(-1, (-1, 2)).contiguous())
    turned = torch.view_as_real(numbers * torch.view_as_complex(module.turn)).flatten(-2).movedim(-1, 1)
    assert_close(module.turned(f), turned, 1e-12)


def test_the_strongest_channel_of_each_position_is_added_to_all():
    module, x = operator(), torch.randn(1, C, 3, 4, dtype=torch.float64)
    seen = []
    module.neighbours.register_forward_pre_hook(lambda conv, inputs: seen.append(inputs[0]))
    module(x)
    theta, w = torch.nn.functional.gelu(module.phase(x)), module.amplitude(x)
    m = x.argmax(1, keepdim=True)
    assert_close(seen[0], module.turned(w * theta + w.gather(1, m) * theta.gather(1, m)))


@pytest.mark.parametrize(("depthwise", "width"), [(True, 1), (False, 4)])
def test_kernels_see_one_channel_or_one_group_for_each_channel_of_the_input(depthwise, width):
    module = operator(depthwise=depthwise)
    assert module.neighbours.weight.shape == (4 * C, width, 3, 3)
    assert module.gate.squeeze.out_channels == C // 4
