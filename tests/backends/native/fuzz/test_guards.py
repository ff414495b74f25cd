"""The watch over memory sees each kind of misstep: for every one, a kernel that makes it."""

import pytest
import torch
from tests.backends.native.fuzz.conditions import LEVELS, Conditions, guarded

from circulant.backends.native import memory
from circulant.core.tolerances import assert_close

CONDITIONS = Conditions(threads=1, level=LEVELS[0], misalignment=3)
X = torch.arange(1.0, 8.0)


def written(values):
    return memory.empty(tuple(values.shape), values.dtype).copy_(values)


def numbers_near(tensor, first, count):
    """Numbers from that place on, which need not be the tensor's own."""
    return torch.as_strided(tensor, (count,), (1,), tensor.storage_offset() + first)


def double(x):
    return [written(2 * x)]


def one_past_the_result(x):
    y = written(2 * x)
    numbers_near(y, len(x), 1).fill_(0)
    return [y]


def one_before_the_result(x):
    y = written(2 * x)
    numbers_near(y, -1, 1).fill_(0)
    return [y]


def one_never_written(x):
    y = memory.empty(tuple(x.shape), x.dtype)
    y[:-1] = 2 * x[:-1]
    return [y]


def one_read_past_the_operand(x):
    y = written(2 * x)
    y[-1] += 0 * numbers_near(x, len(x), 1)[0]
    return [y]


def one_read_before_the_operand(x):
    y = written(2 * x)
    y[0] += 0 * numbers_near(x, -1, 1)[0]
    return [y]


def an_operand_changed(x):
    y = written(2 * x)
    x[2] = 0
    return [y]


def memory_near_an_operand_changed(x):
    numbers_near(x, len(x), 1).fill_(0)
    return double(x)


def memory_that_nobody_watches(x):
    return [2 * x]


def check(kernel):
    (got,) = guarded(kernel, (X,), CONDITIONS)
    assert_close(got, 2 * X)


def test_a_kernel_that_keeps_to_its_memory_passes():
    check(double)


@pytest.mark.parametrize(
    "kernel, complaint",
    [
        (one_past_the_result, "near a result was written"),
        (one_before_the_result, "near a result was written"),
        (one_never_written, "relative error nan"),
        (one_read_past_the_operand, "relative error nan"),
        (one_read_before_the_operand, "relative error nan"),
        (an_operand_changed, "an operand, or memory near it, changed"),
        (memory_near_an_operand_changed, "an operand, or memory near it, changed"),
        (memory_that_nobody_watches, "memory that nobody watches"),
    ],
)
def test_a_misstep_is_seen(kernel, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check(kernel)
