"""HGRN2: what is forgotten makes room for the new, and upper layers forget less."""

import torch

from circulant.core.tolerances import assert_close
from circulant.models.hybrid import LinearMixer, mixer_builder
from circulant.operators.sequence.hgrn2_mixer1d import Hgrn2Mixer1d


def test_what_is_written_and_what_is_kept_add_up_to_one():
    module = Hgrn2Mixer1d(8, 2, layer=2, layers=4).double()
    k, _, log_kept = module._written(torch.randn(2, 8, 9, dtype=torch.float64))
    assert_close(k + log_kept.exp(), torch.ones_like(k), 1e-12)


def test_the_bound_is_zero_in_the_first_layer_and_rises_with_every_layer():
    build = mixer_builder(LinearMixer.HGRN2, 8, 2, 4)
    mixers = [build(layer).double() for layer in range(4)]
    x = torch.full((1, 8, 1), -1e3, dtype=torch.float64)
    kept = []
    for mixer in mixers:
        mixer.forget.weight.data.fill_(1.0)  # sigmoid(W x) = 0: what is kept is the bound
        kept.append(mixer._written(x)[2].exp().mean().item())
    assert kept == [0.0, 0.25, 0.5, 0.75]  # shares of a softmax over four layers that are alike at the start


def test_the_layers_of_a_network_share_one_parameter_for_their_bounds():
    build = mixer_builder(LinearMixer.HGRN2, 8, 2, 3)
    first, second, third = (build(layer) for layer in range(3))
    assert first.bounds is None
    assert second.bounds is third.bounds
