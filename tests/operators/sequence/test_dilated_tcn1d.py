"""How far the dilated layers see, and that they see nothing ahead."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.sequence.dilated_tcn1d import DilatedTCN1d, covering


def built(*args, **kwargs):
    torch.manual_seed(0)
    return DilatedTCN1d(*args, dtype=torch.float64, **kwargs)


@pytest.mark.parametrize(("depth", "kernel_size", "base"), [(1, 3, 4), (2, 5, 4), (4, 3, 2), (3, 4, 1)])
def test_the_gradient_reaches_exactly_the_samples_of_the_formula(depth, kernel_size, base):
    module = built(2, depth, kernel_size, base)
    steps = depth if base == 1 else (base**depth - 1) // (base - 1)
    assert module.receptive_field == 1 + (kernel_size - 1) * steps
    length = module.receptive_field + 7
    x = torch.randn(1, 2, length, dtype=torch.float64, requires_grad=True)
    module(x)[0, :, -1].sum().backward()
    reached = x.grad[0].abs().amax(0) > 0
    assert reached.nonzero()[0].item() == length - module.receptive_field
    assert not reached[:7].any()
    if base <= kernel_size:  # no holes
        assert reached[7:].all()


def test_a_base_above_two_needs_fewer_layers():
    assert covering(1024, 5, 4) == 5
    assert covering(1024, 5, 2) == 9
    assert covering(1, 3, 3) == 1
    assert built(1, covering(100, 3, 3), 3, 3).receptive_field >= 100


def test_what_comes_later_does_not_change_a_bit():
    module, x = built(4, 3), torch.randn(2, 4, 60, dtype=torch.float64)
    other = x.clone()
    other[..., 40:] = 1e6
    assert torch.equal(module(x)[..., :40], module(other)[..., :40])


def test_a_stream_in_any_chunks_equals_the_whole():
    module, x = built(3, 3, 3, 4), torch.randn(2, 3, 50, dtype=torch.float64)
    state, rows = module.initial_state(2, dtype=torch.float64), []
    for piece in x.split([1, 20, 2, 27], -1):
        y, state = module.step(piece, state)
        rows.append(y)
    assert_close(torch.cat(rows, -1), module(x), 1e-12)


def test_predicted_work_is_linear_in_the_length():
    module = DilatedTCN1d(8, 3)
    a, b, c = (module.cost((2, 8, length)).flop for length in (100, 200, 300))
    assert c - b == b - a


@pytest.mark.parametrize("bad", [{"depth": 0}, {"kernel_size": 0}, {"base": 0}])
def test_empty_sizes_are_refused(bad):
    with pytest.raises(ArgumentError, match="of 1 or more"):
        DilatedTCN1d(**{"channels": 2, "depth": 2, **bad})
