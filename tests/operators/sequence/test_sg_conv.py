"""What the structured global kernel must hold beyond the contract."""

from dataclasses import replace
from itertools import pairwise
from math import ceil, log2

import pytest
import torch

from circulant.core.card import Case, Law
from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.engine.choice import use
from circulant.functional import AlgorithmName
from circulant.operators.sequence.sg_conv import CARD, SGConv
from circulant.operators.sequence.sgconv_kernel import Upsampling, sgconv_kernel
from circulant.testing.contract import CHECKS

BIDIRECTIONAL = replace(
    CARD,
    laws=frozenset({Law.LINEAR, Law.DEPTHWISE}),
    cases=(
        Case((2, 3, 6), lambda: SGConv(3, 6, 2, bidirectional=True)),
        Case((1, 2, 5), lambda: SGConv(2, 20, 3, bidirectional=True)),
        Case((1, 2, 9), lambda: SGConv(2, 4, 2, bidirectional=True)),
        Case((1, 2, 1), lambda: SGConv(2, 4, 2, bidirectional=True)),
    ),
)


@pytest.fixture(autouse=True)
def _one_thread():
    """The tensors are tiny: waking a second thread takes longer than the work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def built(*args, **kwargs):
    torch.manual_seed(0)
    return SGConv(*args, dtype=torch.float64, **kwargs)


@pytest.mark.parametrize("check", [check for check in CHECKS if not check.slow], ids=lambda check: check.name)
def test_a_bidirectional_operator_honours_the_contract(check):
    for case in check.cases(BIDIRECTIONAL):
        check.function(BIDIRECTIONAL, case)


def test_a_bidirectional_operator_looks_ahead_from_the_next_sample_on():
    module = built(1, 4, 4, bidirectional=True)
    with torch.no_grad():
        behind, ahead = (module.pieces[:, 0, 0] / module.norm).unbind()
        module.skip.zero_()
        impulse = torch.zeros(1, 1, 11, dtype=torch.float64)
        impulse[..., 5] = 1
        y = module(impulse)[0, 0]
    assert_close(y[5:9], behind)
    assert_close(y[1:5].flip(0), ahead)
    assert y[[0, 9, 10]].abs().max() < 1e-15


def test_a_bidirectional_operator_refuses_to_stream():
    with pytest.raises(ArgumentError, match="expected a causal SGConv"):
        built(2, 8, bidirectional=True).initial_state(1)


def test_the_kernel_is_pieces_that_double_in_length_and_halve_in_weight():
    pieces = torch.ones(1, 4, 3, dtype=torch.float64)
    expected = [1.0] * 3 + [0.5] * 3 + [0.25] * 6 + [0.125] * 12
    for upsampling in Upsampling:
        assert sgconv_kernel(pieces, upsampling)[0].tolist() == expected


def test_linear_upsampling_interpolates_between_the_centres_of_samples():
    pieces = torch.tensor([[[0.0, 0.0], [0.0, 0.0], [0.0, 4.0]]], dtype=torch.float64)
    linear, nearest = (sgconv_kernel(pieces, upsampling)[0, 4:].tolist() for upsampling in Upsampling)
    assert linear == [0.0, 0.25, 0.75, 1.0]
    assert nearest == [0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize("length", [1, 63, 64, 65, 100, 4096])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_parameters_are_64_per_scale_and_channel_and_one_skip(length, bidirectional):
    scales = 1 + max(ceil(log2(length / 64)), 0)
    module = SGConv(3, length, bidirectional=bidirectional)
    kernels = 3 * scales * 64 * (2 if bidirectional else 1)
    assert sum(p.numel() for p in module.parameters()) == kernels + 3
    assert length <= module.taps == 64 * 2 ** (scales - 1)


@pytest.mark.parametrize("length", [1000, 4096])
def test_the_transform_equals_the_direct_causal_sum(length):
    module = built(2, length)
    x = torch.randn(1, 2, length, dtype=torch.float64)
    with torch.no_grad():
        with use(algorithm=AlgorithmName.FFT):
            y = module(x)
        k, skip = module.impulse_response(), module.skip
        for l in range(0, length, 97):
            direct = (k[:, : l + 1] * x[0, :, : l + 1].flip(-1)).sum(-1) + skip * x[0, :, l]
            assert_close(y[0, :, l], direct, 1e-8)


def test_each_kernel_has_norm_one_at_first_and_is_free_to_change_it():
    module = built(5, 300, 16)
    assert_close(module.impulse_response().detach().norm(dim=-1), torch.ones(5, dtype=torch.float64))
    with torch.no_grad():
        module.pieces.mul_(3)
        assert_close(module.impulse_response().norm(dim=-1), torch.full((5,), 3.0, dtype=torch.float64))


def test_rms_and_norm_of_successive_pieces_fade_as_interpolation_lets_them():
    """Interpolating independent samples twofold averages variance 0.625, fourfold 0.656, in the limit 2/3."""
    module = built(400, 1024)
    pieces = module.impulse_response().detach().split([64, 64, 128, 256, 512], dim=-1)
    rms = [piece.square().mean().sqrt().item() for piece in pieces]
    assert [b / a for a, b in pairwise(rms)] == pytest.approx([0.5, 0.396, 0.512, 0.503], abs=0.01)
    norms = [piece.norm().item() for piece in pieces]
    ratios = [b / a for a, b in pairwise(norms)]
    assert ratios == pytest.approx([0.5, 0.56, 0.724, 0.712], abs=0.015)


@pytest.mark.parametrize("sizes", [(0, 8, 4), (2, 0, 4), (2, 8, 0)])
def test_empty_sizes_are_refused(sizes):
    with pytest.raises(ArgumentError, match="of 1 or more"):
        SGConv(*sizes)
