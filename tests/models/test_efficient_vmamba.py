"""Sizes of the published networks, and the pieces that only they use."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.tolerances import assert_close
from circulant.models.efficient_vmamba import (
    EfficientVMamba,
    InvertedResidual,
    PatchMerge2d,
    efficient_vmamba_base,
    efficient_vmamba_small,
    efficient_vmamba_tiny,
)

PUBLISHED = [  # millions of parameters as printed, 10^9 multiply-adds at 224 x 224
    (efficient_vmamba_tiny, 6, 0.8),
    (efficient_vmamba_small, 11, 1.3),
    (efficient_vmamba_base, 33, 4.0),
]


@pytest.mark.parametrize(("build", "millions", "giga"), PUBLISHED)
def test_parameters_and_work_are_the_published_ones(build, millions, giga):
    """The authors count 9 for each state of a scan's step where we count 3 multiply-adds."""
    with torch.device("meta"):
        network = build().eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.empty(1, 3, 224, 224))
    work = counter.get_total_flops() / 2
    for stage, width in enumerate((network.embed[0].out_channels, 2 * network.embed[0].out_channels)):
        work += 2 * (9 - 3) * (224 // 4 // 2**stage) ** 2 * 2 * width * 16  # two blocks in a stage
    assert int(sum(p.numel() for p in network.parameters()) / 1e6) == millions
    assert work == pytest.approx(giga * 1e9, rel=0.03)


@pytest.mark.parametrize("spatial", [(32, 32), (37, 50)])
def test_pictures_of_any_size_get_their_logits(spatial):
    network = EfficientVMamba((8, 16, 16, 24), (1, 1, 1, 1), 5, in_channels=1, states=2, mlp_ratio=2.0)
    x = torch.randn(2, 1, *spatial)
    assert network(x).shape == (2, 5)


def test_merging_puts_four_neighbours_into_one_position():
    merge = PatchMerge2d(1, 4).double()
    x = torch.arange(8.0, dtype=torch.float64).reshape(1, 1, 2, 4)
    four = torch.nn.functional.layer_norm(torch.tensor([0.0, 4, 1, 5], dtype=torch.float64), (4,))
    assert_close(merge(x)[0, :, 0, 0], merge.reduce.weight @ four)
    assert merge(torch.randn(1, 1, 5, 3, dtype=torch.float64)).shape == (1, 4, 3, 2)


def test_an_inverted_residual_adds_to_its_input():
    block = InvertedResidual(8).eval()
    with torch.no_grad():
        block.branch[-2].weight.zero_()
    x = torch.randn(2, 8, 5, 6)
    assert torch.equal(block(x), x)


def test_stages_change_from_scans_to_convolutions():
    names = [type(layer).__name__ for layer in EfficientVMamba((8, 16, 16, 24), (2, 1, 1, 2), 5).layers]
    assert names == [
        "EfficientVisualStateSpace2d",
        "EfficientVisualStateSpace2d",
        "PatchMerge2d",
        "EfficientVisualStateSpace2d",
        "PatchMerge2d",
        "InvertedResidual",
        "PatchMerge2d",
        "InvertedResidual",
        "InvertedResidual",
    ]
