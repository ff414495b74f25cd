"""A shift register with weights in and out is a learnt filter."""

import torch

from circulant.core.tolerances import assert_close
from circulant.operators.sequence.shift_ssm import ShiftSsm


def test_taps_are_the_correlation_of_what_goes_in_and_what_comes_out():
    module = ShiftSsm(3, 5, dtype=torch.float64)
    with torch.no_grad():
        module.input_weight.normal_()
    B, C = module.input_weight, module.output_weight
    expected = torch.stack([(B[:, : 5 - m] * C[:, m:]).sum(-1) for m in range(5)], -1)
    assert_close(module.impulse_response(), expected)
    spectra = [torch.fft.rfft(weight, n=10) for weight in (B, C)]
    assert_close(torch.fft.irfft(spectra[0].conj() * spectra[1], n=10)[:, :5], expected)


def test_at_first_the_register_holds_the_last_samples_and_the_taps_are_the_output_weights():
    module = ShiftSsm(2, 4)
    assert_close(module.impulse_response().detach(), module.output_weight.detach())
    assert module.output_weight.abs().max() <= 0.5


def test_samples_older_than_the_register_are_forgotten():
    module = ShiftSsm(2, 4, dtype=torch.float64)
    x = torch.randn(1, 2, 12, dtype=torch.float64)
    changed = x.clone()
    changed[..., :8] = 0
    assert_close(module(changed)[..., 11], module(x)[..., 11])
