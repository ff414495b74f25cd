"""The three forms of H3 are one causal function; its heads multiply keys and values."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.engine.choice import use
from circulant.functional import AlgorithmName
from circulant.operators.sequence.h3_mixer import H3Mixer


def built(*args, **kwargs):
    torch.manual_seed(0)
    return H3Mixer(*args, dtype=torch.float64, **kwargs)


def by_steps(module, x, chunk=1):
    state, outputs = module.initial_state(len(x)), []
    for part in x.split(chunk, -1):
        y, state = module.step(part, state)
        outputs.append(y)
    return torch.cat(outputs, -1)


@pytest.mark.parametrize("head_channels", [1, 2])
@pytest.mark.parametrize("chunk", [1, 3, 16, 50, 200])
def test_fft_chunks_and_steps_agree(head_channels, chunk):
    module = built(4, 8, head_channels)
    chunked = built(4, 8, head_channels, chunk=chunk)
    x = torch.randn(2, 4, 100, dtype=torch.float64)
    with torch.no_grad():
        with use(algorithm=AlgorithmName.FFT):
            expected = module(x)
        assert_close(chunked(x), expected, 1e-10)
        assert_close(by_steps(module, x), expected, 1e-10)
        assert_close(by_steps(module, x, chunk), expected, 1e-10)


def test_a_sample_changes_nothing_before_it():
    module = built(4, 8, chunk=5)
    x = torch.randn(1, 4, 40, dtype=torch.float64, requires_grad=True)
    for position in (0, 13, 38):
        (gradient,) = torch.autograd.grad(module(x)[..., position].sum(), x)
        assert not gradient[..., position + 1 :].abs().gt(1e-14).any()
        assert gradient[..., : position + 1].any()


def test_heads_multiply_every_key_channel_with_every_value_channel():
    """With memory and register reduced to their skips, H3 is q . k times v at each position, head by head."""
    module = built(6, 2, 3)
    with torch.no_grad():
        for part in (module.shift, module.memory):
            part.output_weight.zero_()
            part.skip.fill_(1)
    x = torch.randn(2, 6, 5, dtype=torch.float64)
    q, k, v = (
        (torch.einsum("oc,bcl->bol", p.weight, x) + p.bias[:, None]).unflatten(1, (2, 3))
        for p in (module.query, module.key, module.value)
    )
    y = ((q * k).sum(2, keepdim=True) * v).flatten(1, 2)
    expected = torch.einsum("oc,bcl->bol", module.output.weight, y) + module.output.bias[:, None]
    assert_close(module(x), expected)


def test_heads_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(ArgumentError, match="divisor of channels = 6"):
        H3Mixer(6, 8, 4)
