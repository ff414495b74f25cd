"""The dictionary against sums written out, its reach, and its work."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.sequence.spectral_dictionary_mixer1d import SpectralDictionaryMixer1d


def built(*args):
    torch.manual_seed(0)
    return SpectralDictionaryMixer1d(*args, dtype=torch.float64)


def test_it_is_the_sum_of_weighted_waves():
    module, x = built(4, 6, 3), torch.randn(2, 4, 20, dtype=torch.float64)
    time = torch.arange(20, dtype=torch.float64)
    angle = torch.einsum("kd,l->kdl", module.frequency, time) + module.phase[..., None]
    padded = torch.nn.functional.pad(x, (2, 0)).unfold(-1, 3, 1).flip(-1)
    weights = torch.einsum("bdlm,kdm->bkl", padded, module.encoder) + module.bias[:, None]
    expected = torch.einsum("bkl,kd,kdl->bdl", weights, module.amplitude, angle.cos())
    assert_close(module(x), expected, 1e-10)
    assert_close(module.coefficients(x), weights, 1e-10)


@pytest.mark.parametrize("taps", [1, 3, 8])
def test_an_output_depends_on_the_last_inputs_of_the_encoder_and_on_no_other(taps):
    module, x = built(4, 6, taps), torch.randn(1, 4, 20, dtype=torch.float64)
    for changed in (0, 7, 19):
        other = x.clone()
        other[..., changed] += 1
        differs = (module(x) != module(other)).any(0).any(0)
        expected = [l for l in range(20) if changed <= l < changed + taps]
        assert differs.nonzero().flatten().tolist() == expected


def test_predicted_work_is_linear_in_the_length():
    module = SpectralDictionaryMixer1d(8, 16, 1)
    a, b, c = (module.cost((2, 8, length)).flop for length in (100, 200, 400))
    assert (b, c) == (2 * a, 4 * a)


def test_a_stream_knows_where_it_is():
    module, x = built(3, 5, 4), torch.randn(2, 3, 17, dtype=torch.float64)
    state, rows = module.initial_state(2, dtype=torch.float64), []
    for piece in x.split([5, 1, 11], -1):
        y, state = module.step(piece, state)
        rows.append(y)
    assert_close(torch.cat(rows, -1), module(x), 1e-12)
    assert state[1].item() == 17


def test_empty_sizes_are_refused():
    with pytest.raises(ArgumentError, match="of 1 or more"):
        SpectralDictionaryMixer1d(4, 0)
