"""Every operator of four rooms has plain code beside it, and that code computes the same."""

import pytest

from circulant.bench.contestant import Role
from circulant.bench.measure import attempt
from circulant.bench.operations.table import find_operation
from circulant.bench.row import Status
from circulant.bench.throughput.contest import contest
from circulant.bench.throughput.entries import entries, operator_groups
from circulant.bench.throughput.entry import COLUMNS, Throughput
from circulant.bench.workload import Passes
from circulant.catalogue import CATALOGUE
from circulant.nn import SGConv

ROOMS = ("sequence", "spectral", "spatial", "dynamic")


def verdicts(entry, passes):
    """Of ours and of the plain code; what is compiled is the same code."""
    operation = contest(entry)
    case = operation.case(entry.shapes[0], passes, 1)
    return [attempt(one, case) for one in operation.contestants if one.role is not Role.PEER]


def test_every_operator_of_these_rooms_has_an_entry():
    assert {card.name for card in CATALOGUE if card.room in ROOMS} <= set(entries())


@pytest.mark.parametrize("name", entries())
def test_plain_code_computes_what_the_operator_computes(name):
    for made in verdicts(entries()[name], Passes.FORWARD):
        assert made.status is Status.MEASURED, (made.contestant.name, made.note)


@pytest.mark.slow
@pytest.mark.parametrize("name", entries())
def test_so_do_the_gradients(name):
    for made in verdicts(entries()[name], Passes.BOTH):
        assert made.status is Status.MEASURED, (made.contestant.name, made.note)


def test_plain_code_that_computes_something_else_is_found_out():
    wrong = {"twice": lambda operator, x: 2 * operator(x)}
    entry = Throughput(lambda shape: SGConv(2, 16, 4), ((1, 2, 16), (1, 2, 32)), wrong, lowered=True)
    ours, plain = verdicts(entry, Passes.BOTH)
    assert (ours.status, plain.status) == (Status.MEASURED, Status.WRONG)


def test_each_group_has_the_columns_of_its_shapes_and_both_passes():
    groups = operator_groups()
    assert len(groups) == 2 * len(entries())
    for group in groups:
        assert group.columns == COLUMNS[len(group.shapes[0]) - 2]
        assert find_operation(group.operation) is not None
