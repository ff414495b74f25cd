"""Classifiers that go by shape alone, by texture alone, and by neither."""

from math import isnan

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.explain.shape_bias import shape_bias


class Told(nn.Module):
    """Decides for the class that is written into one pixel."""

    def __init__(self, pixel: int) -> None:
        super().__init__()
        self.pixel = pixel

    def forward(self, x):
        return nn.functional.one_hot(x[:, 0, 0, self.pixel].long(), 4).float()


SHAPES, TEXTURES, OTHERS = (torch.tensor(row) for row in ([0, 1, 2, 3], [1, 1, 3, 0], [2, 0, 0, 1]))
PICTURES = torch.stack([SHAPES, TEXTURES, OTHERS], 1).float()[:, None, None]


@pytest.mark.parametrize(("pixel", "share"), [(0, 1.0), (1, 0.0)])
def test_who_goes_by_one_of_them_has_all_or_no_bias(pixel, share):
    found = shape_bias(Told(pixel), PICTURES, SHAPES, TEXTURES)
    assert found.share == share
    assert found.shape + found.texture == 3  # the second picture has one class only
    assert found.other == 0


def test_decisions_for_neither_are_counted_apart():
    found = shape_bias(Told(2), PICTURES, SHAPES, TEXTURES)
    assert (found.shape, found.texture, found.other) == (0, 0, 3)
    assert isnan(found.share)
    mixed = PICTURES.clone()
    mixed[0, ..., 2] = 0
    mixed[2, ..., 2] = 3
    found = shape_bias(Told(2), mixed, SHAPES, TEXTURES)
    assert (found.shape, found.texture, found.other) == (1, 1, 1)
    assert found.share == 0.5
    assert str(found).startswith("shape bias 50.0%: 1 pictures by their shape")


def test_labels_must_fit_and_some_pictures_must_be_in_conflict():
    with pytest.raises(ShapeError, match="each of 4 pictures"):
        shape_bias(Told(0), PICTURES, SHAPES[:3], TEXTURES)
    with pytest.raises(ArgumentError, match="different classes"):
        shape_bias(Told(0), PICTURES, SHAPES, SHAPES)
