"""Compiled code runs the operators below autograd, where torch does not resolve conjugate views."""

import pytest
import torch

from circulant import functional
from circulant.core.tolerances import assert_close
from circulant.engine.choice import use
from circulant.engine.planner import Backend


def drawn(*shape):
    return torch.randn(shape, dtype=torch.float64)


def check_gradients(function, *operands):
    """Those of compiled code are those of eager code."""

    def loss(*values):
        return function(*values).square().sum()

    torch._dynamo.reset()
    found = []
    for run in (loss, torch.compile(loss, fullgraph=True, backend="aot_eager")):
        leaves = [operand.clone().requires_grad_() for operand in operands]
        value = run(*leaves)
        found.append((value, *torch.autograd.grad(value, leaves)))
    for expected, got in zip(*found):
        assert_close(got, expected)


@pytest.mark.parametrize("algorithm", ["direct", "fft", "overlap_save"])
def test_compiled_convolution_is_the_same_by_every_algorithm(algorithm):
    check_gradients(
        lambda x, w: functional.conv1d(x, w, groups=3, algorithm=algorithm, backend="torch"),
        drawn(2, 3, 100),
        drawn(3, 1, 7),
    )


@pytest.mark.parametrize("algorithm", ["direct", "fft", "overlap_save", "monarch"])
def test_compiled_long_convolution_is_the_same_by_every_algorithm(algorithm):
    check_gradients(
        lambda x, k: functional.long_conv(x, k, algorithm=algorithm, backend="torch"),
        drawn(2, 3, 100),
        drawn(3, 20),
    )


def test_compiled_complex_recurrence_is_the_same():
    with use(backend=Backend.TORCH):
        check_gradients(functional.linear_recurrence, 0.5 * drawn(2, 3, 9, 2), drawn(2, 3, 9, 2))
