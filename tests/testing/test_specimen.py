"""What the checks examine: nothing left at its first value, nothing outside touched."""

from typing import final

import pytest
import torch
from torch import nn

from circulant.core.card import Case
from circulant.core.cost import ZERO_COST
from circulant.core.operator import Operator
from circulant.testing.specimen import default_dtype, draw, gradients, specimen


@final
class Collection(Operator):
    """Holds one of each kind of tensor."""

    ndims = (1,)

    def __init__(self):
        super().__init__()
        self.zero = nn.Parameter(torch.zeros(50))
        self.random = nn.Parameter(torch.rand(50))
        self.norm = nn.BatchNorm1d(50)
        self.register_buffer("constant", torch.ones(50), persistent=False)

    def forward(self, x):
        return self.norm(x)

    def cost(self, shape):
        return ZERO_COST


CASE = Case((2, 50, 3), Collection)


def test_no_parameter_is_left_at_its_initial_value():
    module = specimen(CASE).module
    assert module.zero.detach().ne(0).all()
    assert module.norm.weight.detach().ne(1).all()


def test_a_variance_moves_and_stays_positive():
    variance = specimen(CASE).module.norm.running_var
    assert variance.gt(0).all()
    assert variance.ne(1).all()


def test_constants_and_counters_stay():
    module = specimen(CASE).module
    assert module.constant.eq(1).all()
    assert module.norm.num_batches_tracked.item() == 0


def test_a_seed_fixes_the_specimen_and_another_changes_it():
    first, again, other = specimen(CASE, 0), specimen(CASE, 0), specimen(CASE, 1)
    assert torch.equal(first.x, again.x)
    assert torch.equal(first.module.random, again.module.random)
    assert not torch.equal(first.x, other.x)
    assert not torch.equal(first.module.random, other.module.random)


def test_random_numbers_outside_go_on_as_if_nothing_had_been_built():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    specimen(CASE)
    assert torch.equal(torch.rand(4), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_module_and_input_have_the_dtype_asked_for_in_evaluation_mode(dtype):
    subject = specimen(CASE, dtype=dtype)
    assert subject.x.dtype == subject.module.zero.dtype == dtype
    assert not subject.module.training


def test_the_same_numbers_are_drawn_in_every_dtype():
    assert torch.equal(draw((5,), 2).float(), draw((5,), 2, torch.float32))


def test_the_default_dtype_comes_back_after_an_error():
    with pytest.raises(KeyError), default_dtype(torch.float64):
        raise KeyError
    assert torch.get_default_dtype() == torch.float32


def test_gradients_are_zero_where_nothing_depends():
    used, unused = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)
    found = gradients(2 * used, [used, unused], torch.tensor([1.0, 3.0]))
    assert found[0].tolist() == [2, 6]
    assert found[1].tolist() == [0, 0, 0]
    assert gradients(torch.ones(1), [used], torch.ones(1))[0].tolist() == [0, 0]
