"""What efficient channel attention must hold beyond the contract."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.gates.efficient_channel_attention import (
    CARD,
    EfficientChannelAttention,
    eca_kernel_size,
)

torch.set_num_threads(1)

RESNET50_STAGES = ((256, 3), (512, 4), (1024, 6), (2048, 3))  # channels, blocks


def built(*args):
    torch.manual_seed(0)
    return EfficientChannelAttention(*args, dtype=torch.float64)


def gate_by_matrix(matrix, x):
    """The gates where a matrix (C, C) mixes the means of the channels."""
    mean = x.double().flatten(2).mean(2)
    return torch.sigmoid(torch.einsum("cd,bd->bc", matrix, mean))


@pytest.mark.parametrize("spatial", [(11,), (5, 7), (3, 2, 4)])
@pytest.mark.parametrize("kernel_size", [1, 3, 5, 9])
def test_it_equals_a_banded_matrix_on_the_means(kernel_size, spatial):
    module, C = built(7, kernel_size), 7
    x = torch.randn(2, C, *spatial, dtype=torch.float64)
    matrix = torch.zeros(C, C, dtype=torch.float64)
    for offset in range(-(kernel_size // 2), kernel_size // 2 + 1):
        tap = module.kernel[offset + kernel_size // 2].item()
        matrix += tap * torch.diag(torch.ones(max(C - abs(offset), 0), dtype=torch.float64), offset)[:C, :C]
    gate = gate_by_matrix(matrix, x).reshape(2, C, *(1,) * len(spatial))
    assert_close(module(x), x * gate, 1e-12)


def test_a_kernel_of_2c_minus_1_taps_is_any_toeplitz_matrix():
    C = 5
    module = built(C, 2 * C - 1)
    matrix = torch.tensor([[module.kernel[d - c + C - 1].item() for d in range(C)] for c in range(C)])
    assert (matrix != 0).all()
    x = torch.randn(3, C, 6, dtype=torch.float64)
    assert_close(module(x), x * gate_by_matrix(matrix.double(), x)[..., None], 1e-6)


def test_a_kernel_of_c_taps_leaves_distant_channels_apart():
    module = built(5, 5)
    x = torch.randn(1, 5, 6, dtype=torch.float64)
    changed = x.clone()
    changed[:, 4] += 1
    moved = (module(changed) - module(x)).abs().amax((0, 2))
    assert moved[:2].max() == 0
    assert moved[2:].min() > 0


@pytest.mark.parametrize(
    ("kernel_sizes", "extra"),
    [((3, 5, 5, 7), 80), (tuple(eca_kernel_size(C) for C, _ in RESNET50_STAGES), 86), ((3, 3, 3, 3), 48)],
)
def test_a_gate_in_each_block_of_resnet50_adds_the_published_number_of_parameters(kernel_sizes, extra):
    gates = [
        EfficientChannelAttention(channels, kernel_size)
        for (channels, blocks), kernel_size in zip(RESNET50_STAGES, kernel_sizes)
        for _ in range(blocks)
    ]
    assert sum(value.numel() for gate in gates for value in gate.parameters()) == extra


def test_the_kernel_has_three_taps_unless_told_otherwise():
    assert EfficientChannelAttention(64).kernel.shape == (3,)
    assert CARD.mixer(2048, (7, 7)).kernel.shape == (7,)


@pytest.mark.parametrize(
    ("channels", "taps"), [(1, 1), (64, 3), (128, 5), (256, 5), (512, 5), (1024, 5), (2048, 7)]
)
def test_the_published_kernel_grows_with_the_logarithm_of_the_channels(channels, taps):
    assert eca_kernel_size(channels) == taps


@pytest.mark.parametrize("kernel_size", [0, 2, -1])
def test_a_kernel_without_a_centre_is_refused(kernel_size):
    with pytest.raises(ArgumentError, match="odd kernel_size"):
        EfficientChannelAttention(4, kernel_size)


def test_there_is_no_kernel_for_no_channels():
    with pytest.raises(ArgumentError, match="channels of 1 or more"):
        eca_kernel_size(0)
