"""Lane segmentation: the published network's sizes, and lines that are found behind what hides them."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.models.lane_segmenter import Lanes, LaneSegmenter, dilated_vgg16, scnn
from circulant.operators.spatial.spatial_message_passing2d import SpatialMessagePassing2d
from circulant.train.fit import fit

SIDE, HIDDEN_ROWS = 32, slice(10, 24)
STEPS = 120


def test_the_published_network_gives_a_map_for_each_lane_and_says_which_are_there():
    with torch.device("meta"):
        network = scnn().eval()
        lanes = network(torch.empty(2, 3, 288, 800))
    assert (lanes.logits.shape, lanes.exists.shape) == ((2, 5, 288, 800), (2, 4))
    assert network.passes.weight.shape == (4, 128, 128, 9)
    assert network.exist[0].in_features == 4500


def test_the_trunk_is_vgg16_on_an_eighth_of_the_grid_with_two_dilated_ends():
    with torch.device("meta"):
        trunk = dilated_vgg16().eval()
        assert trunk(torch.empty(1, 3, 288, 800)).shape == (1, 128, 36, 100)
    convs = [layer for layer in trunk.modules() if isinstance(layer, nn.Conv2d)]
    assert [conv.dilation[0] for conv in convs] == [1] * 10 + [2] * 3 + [4, 1]
    assert sum(conv.weight.numel() for conv in convs[:13]) == 14_710_464  # VGG16's convolutions


def test_existence_is_told_from_the_mean_shares_of_two_by_two_cells():
    torch.manual_seed(0)
    network = LaneSegmenter(nn.Identity(), nn.Identity(), 6, (4, 6), lanes=2, stride=2).double().eval()
    x = torch.randn(3, 6, 4, 6, dtype=torch.float64)
    lanes = network(x)
    shares = network.segment(x).softmax(1).unflatten(3, (3, 2)).unflatten(2, (2, 2)).mean((3, 5))
    first, _, second, _ = network.exist
    wanted = second(first(shares.flatten(1)).relu()).sigmoid()
    torch.testing.assert_close(lanes.exists, wanted)
    corners = lanes.logits[:, :, ::7, ::11]
    torch.testing.assert_close(corners, network.segment(x)[:, :, ::3, ::5])


def hidden_lines(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Slanted lines with their middle rows hidden (count, 1, SIDE, SIDE), and where they really run."""
    draw = torch.Generator().manual_seed(seed)
    rows, columns = torch.arange(SIDE)[:, None], torch.arange(SIDE)
    top, foot = (torch.randint(4, SIDE - 4, (count, 1, 1), generator=draw) for _ in range(2))
    run = top + (foot - top) * rows / (SIDE - 1)
    masks = ((columns - run).abs() < 1.5).long()
    x = masks.float()
    x[:, HIDDEN_ROWS] = 0
    x = x + 0.2 * torch.randn(x.shape, generator=draw)
    return x[:, None], masks


def overlap(network: nn.Module, x: torch.Tensor, masks: torch.Tensor) -> float:
    """Intersection over union in the hidden rows."""
    with torch.no_grad():
        found = network(x).logits.argmax(1)[:, HIDDEN_ROWS].bool()
    wanted = masks[:, HIDDEN_ROWS].bool()
    return ((found & wanted).sum() / (found | wanted).sum()).item()


def trained(with_passes: bool) -> LaneSegmenter:
    torch.manual_seed(0)
    width = 12
    trunk = nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
    )  # fmt: skip
    passes = SpatialMessagePassing2d(width, 5) if with_passes else nn.Identity()
    network = LaneSegmenter(trunk, passes, width, (SIDE // 2, SIDE // 2), lanes=1, stride=2, dropout=0.0)

    def loss(found: Lanes, masks: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(found.logits, masks, weight=torch.tensor([0.4, 1.0]))

    x, masks = hidden_lines(512, seed=1)
    fit(network, x, masks, steps=STEPS, loss=loss)
    return network


@pytest.mark.slow
def test_hidden_lines_are_found_with_passes_and_not_without():
    x, masks = hidden_lines(128, seed=2)
    found = {with_passes: overlap(trained(with_passes), x, masks) for with_passes in (True, False)}
    assert found[True] > found[False] + 0.2, found
