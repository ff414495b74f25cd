"""Receptive fields of modules whose field is known."""

import numpy as np
import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.explain.receptive_field import effective_receptive_field, half_side


class Scaled(nn.Module):
    """Everything by a number that depends on the mean: linear only around its input."""

    def forward(self, x):
        return x * x.mean((2, 3), keepdim=True)


class Constant(nn.Module):
    def forward(self, x):
        return torch.ones_like(x)


def test_an_identity_sees_one_sample():
    field = effective_receptive_field(nn.Identity().eval(), torch.randn(2, 3, 9, 12))
    expected = np.zeros((9, 12))
    expected[4, 6] = 1
    np.testing.assert_allclose(field.share, expected, atol=1e-12)
    assert field.half_side == 1


def test_a_convolution_sees_exactly_its_kernel():
    conv = nn.Conv2d(3, 4, 5, padding=2).eval()
    share = effective_receptive_field(conv, torch.randn(2, 3, 16, 16)).share
    inside = np.zeros((16, 16), dtype=bool)
    inside[6:11, 6:11] = True
    assert (share[inside] > 0).all()
    assert (share[~inside] == 0).all()
    assert share.sum() == pytest.approx(1)


def test_shares_follow_the_kernel_of_a_depthwise_convolution():
    conv = nn.Conv1d(1, 1, 3, padding=1, bias=False).eval()
    conv.weight.data = torch.tensor([[[1.0, -4.0, 3.0]]])
    field = effective_receptive_field(conv, torch.randn(5, 1, 8))
    assert field.share.shape == (1, 8)
    np.testing.assert_allclose(field.share[0, 3:6], np.array([1, 4, 3]) / 8, atol=1e-12)


def test_a_strided_convolution_is_seen_from_the_middle_of_its_output():
    conv = nn.Conv1d(1, 1, 3, stride=2, padding=1).eval()
    share = effective_receptive_field(conv, torch.randn(1, 1, 16)).share[0]
    assert np.flatnonzero(share).tolist() == [7, 8, 9]  # output 4 of 8 reads inputs 7, 8, 9


def test_a_norm_over_channels_does_not_hide_the_field():
    class AtEachPosition(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.LayerNorm(6)

        def forward(self, x):
            return self.norm(x.transpose(1, 2)).transpose(1, 2)

    field = effective_receptive_field(AtEachPosition().eval(), torch.randn(2, 6, 7))
    assert field.share[0, 3] == pytest.approx(1)


def test_a_module_that_depends_on_its_input_is_linearised_around_it():
    x = torch.randn(1, 1, 5, 5, dtype=torch.float64)
    share = effective_receptive_field(Scaled().eval(), x).share
    gradient = np.full((5, 5), abs(x[0, 0, 2, 2].item()) / 25)
    gradient[2, 2] = abs(x.mean().item() + x[0, 0, 2, 2].item() / 25)
    np.testing.assert_allclose(share, gradient / gradient.sum(), rtol=1e-9)


def test_a_constant_output_has_an_empty_field():
    field = effective_receptive_field(Constant().eval(), torch.randn(1, 2, 6, 6))
    assert field.share.sum() == 0
    assert field.half_side == 0


def test_the_module_and_its_gradients_are_left_alone():
    conv = nn.Conv2d(2, 2, 3, padding=1).eval()
    before = {name: value.clone() for name, value in conv.state_dict().items()}
    with torch.no_grad():
        effective_receptive_field(conv, torch.randn(1, 2, 8, 8))
    assert conv.weight.dtype == torch.float32
    assert conv.weight.grad is None
    assert all(torch.equal(before[name], value) for name, value in conv.state_dict().items())


@pytest.mark.parametrize(
    ("share", "side"),
    [
        (np.eye(5)[2:3], 1),
        (np.full((1, 9), 1 / 9), 5),
        (np.full((7, 7), 1 / 49), 5),  # 3 x 3 holds 9/49, 5 x 5 holds 25/49
        (np.zeros((3, 3)), 0),
    ],
)
def test_the_half_side_is_the_smallest_centred_square_with_half(share, side):
    assert half_side(share) == side


def test_the_even_half_side_is_that_of_a_flat_map():
    field = effective_receptive_field(nn.Identity().eval(), torch.randn(1, 1, 7, 7))
    assert field.even_half_side == 5


def test_a_module_in_training_mode_is_refused():
    with pytest.raises(ArgumentError, match=r"call module\.eval\(\) first"):
        effective_receptive_field(nn.Identity(), torch.randn(1, 1, 4))


@pytest.mark.parametrize("shape", [(4, 4), (1, 1, 2, 2, 2), (0, 1, 4)])
def test_features_of_another_shape_are_refused(shape):
    with pytest.raises(ShapeError, match=r"expected features \(B, C, L\)"):
        effective_receptive_field(nn.Identity().eval(), torch.randn(shape))


def test_integer_features_are_refused():
    with pytest.raises(DtypeError, match="floating-point"):
        effective_receptive_field(nn.Identity().eval(), torch.ones(1, 1, 4, dtype=torch.int64))


def test_a_whole_classifier_is_refused():
    with pytest.raises(ShapeError, match="leave out the head"):
        effective_receptive_field(nn.Sequential(nn.Flatten(), nn.Linear(8, 2)).eval(), torch.randn(1, 2, 4))


@pytest.mark.parametrize("shape", [(1, 2, 9), (1, 2, 9, 9)])
def test_the_plot_is_a_stand_alone_svg(shape):
    from xml.etree import ElementTree

    picture = effective_receptive_field(nn.Identity().eval(), torch.randn(shape)).plot()
    assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"


def test_a_depthwise_stack_sees_one_and_its_kernels_less_one_times_the_strides_before():
    kernels, strides = (5, 3, 7, 3), (2, 1, 2, 1)
    layers = [nn.Conv2d(2, 2, k, s, k // 2, groups=2) for k, s in zip(kernels, strides, strict=True)]
    share = effective_receptive_field(nn.Sequential(*layers).eval(), torch.randn(1, 2, 64, 64)).share
    step, side = 1, 1
    for k, s in zip(kernels, strides, strict=True):
        side, step = side + (k - 1) * step, step * s
    assert [int(np.count_nonzero(share.sum(axis))) for axis in (0, 1)] == [side, side]
