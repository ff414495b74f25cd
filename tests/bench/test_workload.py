"""workloads.toml and sampled_problems.csv are whole."""

import pytest

from circulant.bench.operations.table import OPERATIONS
from circulant.bench.run import can_run
from circulant.bench.sampled import sampled_problems
from circulant.bench.workload import Passes, chosen, group_from, groups, read_groups, record_of
from circulant.core.errors import DataError, UnknownNameError
from circulant.core.sizes import output_length


def test_every_operation_that_is_named_can_be_timed_and_every_other_is_named():
    assert {group.operation for group in groups()} == set(OPERATIONS)


@pytest.mark.parametrize("group", [g for g in groups() if can_run(g)], ids=lambda group: group.name)
def test_the_numbers_of_every_shape_mean_what_the_operation_takes_them_for(group):
    for shape in group.shapes:
        operation = OPERATIONS[group.operation](shape)
        assert operation.columns == group.columns
        assert operation.contestants[0].role.value == "ours"


def test_groups_have_names_of_their_own_and_shapes_that_differ():
    assert len({group.name for group in groups()}) == len(groups()) >= 20
    assert all(len(set(group.shapes)) == len(group.shapes) > 0 for group in groups())


def test_the_goals_of_the_first_group_are_read():
    first = groups()[0]
    assert first.goal.default == 14 and first.goal.tuned == 8 and first.goal.naive is None
    assert first.shapes[0] == (8, 768, 1024) and first.passes is Passes.FORWARD


def test_groups_are_chosen_by_a_part_of_their_name_or_operation():
    assert {group.operation for group in chosen(groups(), ["INVOLUTION, f", "conv2d"])} == {
        "involution2d", "depthwise_conv2d", "deformable_conv2d", "dynamic_conv2d", "conv2d", "inverse_conv2d",
    }  # fmt: skip
    assert chosen(groups(), []) == groups()
    with pytest.raises(UnknownNameError, match="no group named 'involutoin'"):
        chosen(groups(), ["involutoin"])


def test_a_group_survives_the_way_to_another_process():
    sent = group_from(record_of(groups()[3]))
    assert (sent.name, sent.shapes, sent.passes) == (groups()[3].name, groups()[3].shapes, groups()[3].passes)


def test_a_shape_with_a_number_too_few_is_refused():
    text = '[[group]]\nname = "g"\noperation = "o"\ncolumns = ["a", "b"]\nshapes = [[1]]\n'
    with pytest.raises(DataError, match=r"one number for each of a, b in a shape of 'g', got \[1\]"):
        read_groups(text)


def test_the_sampled_problems_are_300_convolutions_that_exist():
    problems = sampled_problems()
    assert len(problems) == 300
    for one in problems:
        assert one.in_channels % one.groups == one.out_channels % one.groups == 0
        assert output_length(one.size, one.kernel, one.stride, (one.padding,) * 2, one.dilation) >= 1
    assert {one.ndim for one in problems} == {1, 2, 3}
