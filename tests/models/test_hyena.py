"""Hyena: the published size, its equation, and no look ahead."""

from math import cos, exp, log, pi, sin

import pytest
import torch

from circulant.core.tolerances import assert_close
from circulant.models.hyena import HyenaKernel, HyenaMixer, hyena_dna, hyena_language_model


def test_the_network_for_genomes_has_the_published_number_of_parameters():
    with torch.device("meta"):
        network = hyena_dna(1024).eval()
        assert network(torch.zeros(1, 1024, dtype=torch.long)).shape == (1, 16, 1024)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(6.6e6, rel=0.01)


def test_a_mixer_is_a_long_convolution_between_two_gates():
    torch.manual_seed(0)
    C, L = 3, 10
    mixer = HyenaMixer(C, 16).double()
    x = torch.randn(2, C, L, dtype=torch.float64)
    u = torch.einsum("oc,bcl->bol", mixer.project.weight, x) + mixer.project.bias[:, None]
    short = torch.zeros_like(u)
    for tap in range(3):
        short[:, :, tap:] += mixer.short.weight[:, :, 2 - tap] * u[:, :, : L - tap]
    q, k, v = (short + mixer.short.bias[:, None]).chunk(3, 1)
    h, z = mixer.convolution.impulse_response(L), k * v
    y = mixer.convolution.skip[:, None] * z
    for now in range(L):
        for lag in range(now + 1):
            y[:, :, now] += h[:, lag] * z[:, :, now - lag]
    expected = torch.einsum("oc,bcl->bol", mixer.output.weight, q * y) + mixer.output.bias[:, None]
    assert_close(mixer(x), expected)


def test_a_kernel_is_a_network_of_sines_in_a_window_that_falls():
    torch.manual_seed(0)
    kernel = HyenaKernel(4, 8).double()
    first, sine, second, _, third, _, last = kernel.network
    torch.nn.init.uniform_(sine.frequency)
    tap, channel = 5, 1
    angles = [2 * pi * tap / 8 * band for band in (1e-4, 1)]
    z = torch.tensor([tap / 7, *map(cos, angles), *(-sin(angle) for angle in angles)], dtype=torch.float64)
    for layer in (first, second, third):
        z = torch.sin(sine.frequency * (layer.weight @ z + layer.bias))
    slowest, fastest = log(100) / 1.5, log(100) / 0.3
    decay = slowest + channel / 3 * (fastest - slowest)
    expected = (last.weight @ z)[channel] * (exp(-decay * tap / 7) + 0.05)
    assert_close(kernel(8)[channel, tap], expected, 1e-6)  # positions are kept in float32
    assert_close(kernel(6), kernel(8)[:, :6])


def test_a_code_changes_no_logit_before_it():
    model = hyena_language_model(11, 8, 2, 12).double()
    codes = torch.randint(11, (2, 12))
    changed = codes.clone()
    changed[:, 7] = (changed[:, 7] + 1) % 11
    before, after = model(codes), model(changed)
    assert before.shape == (2, 11, 12)
    torch.testing.assert_close(before[..., :7], after[..., :7], rtol=0, atol=1e-12)
    assert not torch.equal(before[..., 7], after[..., 7])
