"""The learnt butterfly: exact at first, one matrix for each size, all of them learn."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.engine.flash_butterfly import dft_matrix
from circulant.operators.sequence.learned_butterfly import LearnedButterfly
from circulant.operators.sequence.long_conv1d import LongConv1d


@pytest.mark.parametrize("length", [1, 2, 7, 16, 33, 130, 1024])
def test_at_first_it_is_the_exact_causal_convolution(length):
    learned = LearnedButterfly(3, length, dtype=torch.float64)
    exact = LongConv1d(3, length, squash=0.0, dtype=torch.float64)
    exact.load_state_dict({"kernel": learned.kernel, "skip": learned.skip})
    x = torch.randn(2, 3, length, dtype=torch.float64)
    assert_close(learned(x), exact(x), 1e-9)


@pytest.mark.parametrize(
    ("length", "sizes"), [(1, (2,)), (2, (4,)), (4, (8,)), (8, (16,)), (16, (2, 16)), (200, (2, 16)),
                          (64, (8, 16)), (32, (4, 16)), (128, (16,))],
)  # fmt: skip
def test_there_is_one_matrix_for_each_size_that_the_length_needs(length, sizes):
    module = LearnedButterfly(2, length)
    assert module.sizes == sizes
    names = {f"matrix_{size}": (size, size, 2) for size in sizes}
    shapes = {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}
    assert shapes == {"kernel": (2, length), "skip": (2,), **names}
    for size in sizes:
        assert_close(module.matrices[size], dft_matrix(size).float())


@pytest.mark.parametrize("length", [16, 32, 64, 4, 1000])
def test_every_matrix_gets_a_gradient(length):
    module = LearnedButterfly(2, length)
    module(torch.randn(1, 2, length)).square().sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad.norm() > 0, name


def test_it_learns_a_matrix_that_no_kernel_replaces():
    """A product of the spectra that skips a rotation: the target is made by another matrix."""
    torch.manual_seed(0)
    target, module = LearnedButterfly(1, 8), LearnedButterfly(1, 8)
    with torch.no_grad():
        target.matrix_16.add_(0.3 * torch.randn_like(target.matrix_16))
        target.skip.zero_()
        module.skip.zero_()
        for parameter in (target.kernel, module.kernel):
            parameter.copy_(torch.linspace(1, 0.2, 8)[None])
    x = torch.randn(64, 1, 8)
    wanted = target(x).detach()

    def loss_after(names, steps=150):
        chosen = [parameter for name, parameter in module.named_parameters() if name in names]
        optimiser = torch.optim.Adam(chosen, lr=0.02)
        for _ in range(steps):
            optimiser.zero_grad()
            loss = (module(x) - wanted).square().mean()
            loss.backward()
            optimiser.step()
        return loss.item()

    by_kernel = loss_after({"kernel", "skip"})
    assert loss_after({"kernel", "skip", "matrix_16"}) < 0.2 * by_kernel


def test_a_shorter_input_is_the_beginning_of_a_longer_one_at_first():
    module = LearnedButterfly(2, 40, dtype=torch.float64)
    x = torch.randn(1, 2, 40, dtype=torch.float64)
    assert_close(module(x[..., :13]), module(x)[..., :13])


def test_no_channels_are_refused():
    with pytest.raises(ArgumentError, match="1 or more, got 0 and 5"):
        LearnedButterfly(0, 5)
