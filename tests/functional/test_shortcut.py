"""Convolutions that are left to torch are known again, and only while nothing has changed."""

import pytest
import torch

from circulant.core.errors import ArgumentError, ShapeError
from circulant.engine import planner, shortcut
from circulant.engine.choice import use
from circulant.functional import conv1d, conv2d

NUMBERS = (1, 1, 1, 1)  # stride, padding, dilation, groups


@pytest.fixture(autouse=True)
def _nothing_remembered():
    planner.forget_plans()
    yield
    planner.forget_plans()


@pytest.fixture
def operands():
    return torch.randn(1, 4, 6, 6), torch.randn(4, 4, 3, 3)


def is_known(x, weight, bias=None):
    return shortcut.is_left_to_torch(shortcut.call_of(x, weight, bias, 2, *NUMBERS))


def test_a_call_is_known_after_the_first_time(operands):
    assert not is_known(*operands)
    first = conv2d(*operands, None, *NUMBERS)
    assert is_known(*operands)
    assert torch.equal(conv2d(*operands, None, *NUMBERS), first)


def test_whatever_the_plan_depends_on_is_part_of_the_call(operands):
    x, weight = operands
    conv2d(x, weight, None, *NUMBERS)
    assert not is_known(x, weight, torch.zeros(4))
    assert not is_known(x.double(), weight.double())
    assert not is_known(x.contiguous(memory_format=torch.channels_last), weight)
    assert not is_known(x.clone().requires_grad_(), weight)
    planner.forget_plans()
    assert not is_known(x, weight)


def test_a_wish_is_obeyed_though_the_call_is_known(operands):
    conv2d(*operands, None, *NUMBERS)
    with use(tolerance=1e-30):
        assert shortcut.call_of(*operands, None, 2, *NUMBERS) is None


def test_a_call_of_other_axes_is_another_call(operands):
    conv2d(*operands, None, *NUMBERS)
    with pytest.raises(ShapeError):
        conv1d(*operands, None, *NUMBERS)


def test_numbers_of_another_type_are_checked_each_time(operands):
    conv2d(*operands, None, *NUMBERS)
    with pytest.raises(ArgumentError):
        conv2d(*operands, None, 1, 1, 1, 1.0)


def test_what_torch_has_no_words_for_is_not_left_to_it():
    x, weight = torch.randn(1, 2, 9), torch.randn(2, 2, 3)
    for _ in range(2):
        assert conv1d(x, weight, padding="causal").shape == x.shape
        assert conv1d(x, weight, padding=1, boundary="circular").shape == x.shape


def test_the_memory_is_bounded(operands, monkeypatch):
    monkeypatch.setattr(shortcut, "MOST_REMEMBERED", 2)
    for rows in (5, 6, 7):
        conv2d(torch.randn(1, 4, rows, rows), operands[1], None, *NUMBERS)
    assert is_known(torch.randn(1, 4, 7, 7), operands[1])
    assert not is_known(torch.randn(1, 4, 5, 5), operands[1])
