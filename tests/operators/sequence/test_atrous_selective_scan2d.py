"""The sub-grids are a partition, the way back is exact, and the scan alone never mixes parities."""

import pytest
import torch

from circulant.core.tolerances import assert_close
from circulant.operators.sequence.atrous_selective_scan2d import (
    AtrousSelectiveScan2d,
    atrous_merge,
    atrous_scan,
)
from circulant.operators.sequence.selective_scan2d import SelectiveScan2d

SIZES = [(1, 1), (2, 2), (4, 6), (5, 4), (4, 5), (7, 3)]


@pytest.mark.parametrize("spatial", SIZES)
def test_merge_is_the_exact_inverse_of_scan(spatial):
    x = torch.randn(2, 3, *spatial, dtype=torch.float64)
    assert torch.equal(atrous_merge(atrous_scan(x), spatial), x)


@pytest.mark.parametrize("spatial", SIZES)
def test_the_sub_grids_partition_the_picture(spatial):
    H, W = spatial
    number = torch.arange(1.0, H * W + 1).reshape(1, 1, H, W)
    tokens = atrous_scan(number).flatten()
    kept = tokens[tokens > 0]
    assert sorted(kept.tolist()) == number.flatten().tolist()
    assert len(tokens) - len(kept) == (H + H % 2) * (W + W % 2) - H * W  # zeros where sizes are odd


def test_the_four_paths_read_two_grids_by_rows_and_two_by_columns():
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    expected = [[0, 2, 8, 10], [4, 12, 6, 14], [1, 3, 9, 11], [5, 13, 7, 15]]
    assert atrous_scan(x)[0, :, 0].tolist() == expected


@pytest.mark.parametrize("spatial", [(4, 6), (14, 14)])
def test_a_quarter_of_the_tokens_of_the_cross_scan_is_scanned(spatial):
    N = spatial[0] * spatial[1]
    assert 4 * AtrousSelectiveScan2d.tokens(spatial) == N
    assert 4 * SelectiveScan2d.tokens(spatial) == 4 * N
    assert atrous_scan(torch.zeros(1, 1, *spatial)).numel() == N


@pytest.mark.parametrize("spatial", [(4, 6), (5, 3)])
def test_each_path_is_a_plain_recurrence_in_float64(spatial):
    torch.manual_seed(0)
    module = AtrousSelectiveScan2d(2, 3, dtype=torch.float64)
    ssm, x = module.ssm, torch.randn(2, 4, *spatial, dtype=torch.float64)
    paths = atrous_scan(x)
    with torch.no_grad():
        y = torch.zeros_like(paths)
        for path in range(4):
            h = torch.zeros(2, 4, 3, dtype=torch.float64)
            for l in range(paths.shape[-1]):
                u = paths[:, path, :, l]
                low, B, C = (u @ ssm.project[path].T).split([ssm.rank, 3, 3], 1)
                step = torch.log(1 + torch.exp(low @ ssm.step_weight[path].T + ssm.step_bias[path]))[
                    ..., None
                ]
                h = torch.exp(-step * ssm.log_decay[path].exp()) * h + step * B[:, None] * u[..., None]
                y[:, path, :, l] = (h * C[:, None]).sum(-1) + ssm.skip[path] * u
        assert_close(module.scan(x), atrous_merge(y, spatial), 1e-10)


def test_the_scan_connects_only_positions_of_one_parity_and_earlier_ones_to_later():
    torch.manual_seed(0)
    module = AtrousSelectiveScan2d(2, 3, dtype=torch.float64)
    H, W = 6, 6
    x = torch.randn(1, 4, H, W, dtype=torch.float64, requires_grad=True)
    y = module.scan(x).sum(1)[0]
    for i in range(H):
        for j in range(W):
            (gradient,) = torch.autograd.grad(y[i, j], x, retain_graph=True)
            seen = {tuple(place) for place in gradient[0].abs().amax(0).nonzero().tolist()}
            order = (lambda p: (p[1], p[0])) if i % 2 else (lambda p: p)
            expected = {
                (p, q)
                for p in range(i % 2, H, 2)
                for q in range(j % 2, W, 2)
                if order((p, q)) <= order((i, j))
            }
            assert seen == expected


def test_the_convolution_before_the_scan_mixes_parities():
    module = AtrousSelectiveScan2d(2, 2, dtype=torch.float64)
    x = torch.randn(1, 2, 6, 6, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(module(x)[0, 0, 3, 3], x)
    assert gradient[0, :, 3, 2].abs().min() > 0
