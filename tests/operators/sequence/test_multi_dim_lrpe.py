"""Turned pairs: scores see how far apart two positions are, not where they are."""

import pytest
import torch

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.operators.sequence.multi_dim_lrpe import MultiDimLrpe


@pytest.mark.parametrize(("grid", "width"), [((9,), 8), ((5, 6), 10), ((3, 4, 5), 16)])
def test_scores_depend_on_the_difference_of_the_coordinates_alone(grid, width):
    lrpe = MultiDimLrpe(2, width, len(grid))
    generator = torch.Generator().manual_seed(0)
    q, k = (torch.randn(1, 2, width, dtype=torch.float64, generator=generator) for _ in range(2))

    def everywhere(vector):
        return lrpe(vector.reshape(1, 2, *(1,) * len(grid), width).expand(1, 2, *grid, width)).flatten(2, -2)

    scores = (everywhere(q) @ everywhere(k).mT)[0]
    places = torch.cartesian_prod(*(torch.arange(size) for size in grid)).reshape(-1, len(grid))
    known: dict[tuple[int, ...], torch.Tensor] = {}
    for i, first in enumerate(places.tolist()):
        for j, second in enumerate(places.tolist()):
            apart = tuple(a - b for a, b in zip(first, second))
            assert_close(scores[:, i, j], known.setdefault(apart, scores[:, i, j]), 1e-10)
    values = torch.stack(list(known.values()))
    assert values.std(0).min() > 1e-3  # and they do depend on it


def test_lengths_of_vectors_stay_and_channels_that_no_axis_takes_are_not_turned():
    x = torch.randn(2, 3, 4, 5, 10, dtype=torch.float64)
    y = MultiDimLrpe(3, 10, 2)(x)  # five pairs: two for each axis and one left over
    assert_close(y.norm(dim=-1), x.norm(dim=-1), 1e-10)
    assert torch.equal(y[..., 8:], x[..., 8:])
    assert torch.equal(y[:, :, 0, 0], x[:, :, 0, 0])


def test_each_axis_turns_its_own_pairs():
    x = torch.randn(1, 1, 4, 5, 8, dtype=torch.float64)
    y = MultiDimLrpe(1, 8, 2)(x)
    assert torch.equal(y[:, :, 0, :, :4], x[:, :, 0, :, :4])  # row 0: the pairs of the rows do not move
    assert torch.equal(y[:, :, :, 0, 4:], x[:, :, :, 0, 4:])
    assert not torch.equal(y[:, :, 1:, :, :4], x[:, :, 1:, :, :4])


def test_an_odd_width_and_another_grid_are_refused():
    with pytest.raises(ArgumentError, match="an even width"):
        MultiDimLrpe(1, 7, 1)
    with pytest.raises(ShapeError, match="of 2 axes with H = 1"):
        MultiDimLrpe(1, 8, 2)(torch.zeros(1, 1, 4, 8))
