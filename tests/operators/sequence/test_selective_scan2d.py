"""Four paths through the picture: each visits every position once, and the way back is exact."""

import pytest
import torch

from circulant.core.tolerances import assert_close
from circulant.operators.sequence.selective_scan2d import SelectiveScan2d, cross_merge, cross_scan


@pytest.mark.parametrize("spatial", [(1, 1), (3, 5), (4, 4), (1, 6)])
def test_merging_puts_every_token_of_every_path_back_to_its_place(spatial):
    x = torch.randn(2, 3, *spatial, dtype=torch.float64)
    paths = cross_scan(x)
    assert torch.equal(cross_merge(paths, spatial), 4 * x)
    for path in range(4):
        alone = torch.zeros_like(paths)
        alone[:, path] = paths[:, path]
        assert torch.equal(cross_merge(alone, spatial), x)


def test_paths_go_by_rows_and_by_columns_and_back():
    x = torch.arange(6.0).reshape(1, 1, 2, 3)
    expected = [[0, 1, 2, 3, 4, 5], [0, 3, 1, 4, 2, 5], [5, 4, 3, 2, 1, 0], [5, 2, 4, 1, 3, 0]]
    assert cross_scan(x)[0, :, 0].tolist() == expected


def test_every_position_sees_every_other_through_the_scan_alone():
    module = SelectiveScan2d(2, 2, dtype=torch.float64)
    x = torch.randn(1, 4, 4, 3, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(module.scan(x)[0, :, 1, 2].sum(), x)
    assert gradient[0].abs().amax(0).min() > 0


def test_four_scans_are_as_many_tokens_as_four_pictures():
    assert 4 * SelectiveScan2d.tokens((7, 9)) == 4 * 63


def test_the_four_directions_have_parameters_of_their_own():
    module = SelectiveScan2d(8, 2)
    x = torch.randn(1, 16, 5, 5)
    before = module.scan(x)
    with torch.no_grad():
        module.ssm.project[2].zero_()
    after = module.scan(x)
    assert relative_change(before, after) > 0
    assert_close(module.ssm.skip.detach(), torch.ones(4, 16))


def relative_change(before, after):
    return ((before - after).abs().max() / before.abs().max()).item()
