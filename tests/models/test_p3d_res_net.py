"""P3D ResNet: pictures' weights, single frames, the published size, and which way a digit moves."""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.data.mnist import mnist_5k
from circulant.models.p3d_res_net import CYCLE, P3DResNet, Pseudo3dBottleneck, p3d_res_net_199
from circulant.operators.spatial.pseudo3d_conv import Pseudo3dConv, Pseudo3dVariant
from circulant.train.fit import fit

FLAT = (Pseudo3dVariant.FLAT,)
DEPTHS, WIDTH, CLASSES = (2, 1, 1, 1), 4, 3
STEPS = 120


class PlainBottleneck(nn.Module):
    """ResNet's, for pictures, with the names of torchvision."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.downsample = None
        if stride > 1 or channels != 4 * width:
            conv = nn.Conv2d(channels, 4 * width, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(4 * width))

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())).relu()
        return (self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x))).relu()


def plain_res_net() -> nn.Sequential:
    layers = OrderedDict(
        conv1=nn.Conv2d(3, WIDTH, 7, 2, 3, bias=False), bn1=nn.BatchNorm2d(WIDTH), relu=nn.ReLU(),
        maxpool=nn.MaxPool2d(3, 2, 1),
    )  # fmt: skip
    channels = WIDTH
    for stage, depth in enumerate(DEPTHS):
        blocks = []
        for position in range(depth):
            stride = 2 if stage and not position else 1
            blocks.append(PlainBottleneck(channels, WIDTH * 2**stage, stride))
            channels = 4 * WIDTH * 2**stage
        layers[f"layer{stage + 1}"] = nn.Sequential(*blocks)
    layers.update(avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(channels, CLASSES))
    return nn.Sequential(layers)


def disturbed(network: nn.Module) -> nn.Module:
    """Norms that do something, in evaluation mode."""
    torch.manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.normal_(layer.running_mean, std=0.1)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 2)
    return network.double().eval()


def test_a_flat_network_with_the_weights_of_one_for_pictures_sees_a_still_film_as_the_picture():
    pictures = disturbed(plain_res_net())
    films = P3DResNet(DEPTHS, CLASSES, width=WIDTH, variants=FLAT).double().eval()
    assert films.load_flat(pictures.state_dict()) == []
    x = torch.randn(2, 3, 40, 40, dtype=torch.float64)
    assert_close(films(x[:, :, None].expand(-1, -1, 16, -1, -1)), pictures(x))


def test_kernels_for_pictures_fit_within_frames_and_those_along_time_stay():
    films = P3DResNet(DEPTHS, 7, width=WIDTH)
    lacking = films.load_flat(plain_res_net().state_dict())
    assert all(".temporal" in name or name.startswith("classify") for name in lacking)
    assert sum(name.endswith("temporal.weight") for name in lacking) == 4
    with pytest.raises(ArgumentError, match="same widths and depths"):
        P3DResNet((1, 1, 1, 1), 7, width=WIDTH).load_flat(plain_res_net().state_dict())


def test_an_identity_along_time_makes_the_flat_network():
    torch.manual_seed(0)
    mixing = P3DResNet(DEPTHS, CLASSES, width=WIDTH, variants=(Pseudo3dVariant.A,))
    disturbed(mixing)
    for layer in mixing.modules():
        if isinstance(layer, Pseudo3dConv) and layer.temporal is not None:
            nn.init.dirac_(layer.temporal.weight)
            layer.temporal_norm = nn.Identity()
    flat = P3DResNet(DEPTHS, CLASSES, width=WIDTH, variants=FLAT).double().eval()
    flat.load_state_dict(
        {name: value for name, value in mixing.state_dict().items() if ".temporal" not in name}
    )
    x = torch.randn(2, 3, 16, 33, 32, dtype=torch.float64)
    assert_close(mixing(x), flat(x))


def test_variants_take_turns_over_three_stages_and_the_last_is_flat():
    network = P3DResNet((2, 2, 3, 2), CLASSES, width=WIDTH)
    found = [block.mix.variant for stage in network.stages for block in stage]
    assert found == [*CYCLE, *CYCLE, CYCLE[0], *FLAT, *FLAT]


def test_the_deepest_network_is_resnet_152_with_kernels_along_time():
    """199 layers with weights, as its public name counts them."""
    with torch.device("meta"):
        network = p3d_res_net_199(1000)
    blocks = [block for stage in network.stages for block in stage]
    assert 2 + sum(4 if block.mix.temporal is not None else 3 for block in blocks) == 199
    along_time = sum(
        parameter.numel() for name, parameter in network.named_parameters() if ".temporal" in name
    )
    assert along_time == sum(n * (3 * c * c + 2 * c) for n, c in ((3, 64), (8, 128), (36, 256)))
    assert sum(p.numel() for p in network.parameters()) - along_time == 60_192_808  # ResNet-152's


def test_a_block_adds_its_input_and_halves_the_frames_with_its_stride():
    block = Pseudo3dBottleneck(8, 2, Pseudo3dVariant.B).double().eval()
    with torch.no_grad():
        block.expand[1].weight.zero_()
    x = torch.randn(1, 8, 4, 5, 6, dtype=torch.float64)
    assert_close(block(x), x.relu())
    assert Pseudo3dBottleneck(8, 2, Pseudo3dVariant.B, 2).double()(x).shape == (1, 8, 4, 3, 3)


@pytest.mark.parametrize("shape", [(2, 3, 15, 32, 32), (3, 16, 32, 32)])
def test_films_that_are_too_short_are_refused(shape):
    with pytest.raises(ShapeError, match="16 or more"):
        P3DResNet((1, 1, 1, 1), 2, width=2)(torch.zeros(shape))


def drifting_digits(count: int, part: str, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Films (count, 1, 16, 28, 28) of digits that go round to the left or to the right, and which way.

    They start anywhere on a ring: no frame tells the way, nor do all frames in an unknown order.
    """
    pictures = getattr(mnist_5k(0), part).x
    draw = torch.Generator().manual_seed(seed)
    which = torch.randint(len(pictures), (count,), generator=draw)
    starts, ways = (torch.randint(limit, (count,), generator=draw) for limit in (28, 2))
    films = torch.empty(count, 1, 16, 28, 28)
    for film, index, start, way in zip(films, which, starts, ways):
        picture = torch.from_numpy(pictures[index])
        for frame in range(16):
            film[:, frame] = picture.roll(int(start) + (2 * int(way) - 1) * 2 * frame, -1)
    return films, ways


@pytest.mark.slow
def test_which_way_a_digit_moves_is_seen_along_time_and_not_in_frames():
    x, y = drifting_digits(512, "train", seed=1)
    unseen, ways = drifting_digits(256, "test", seed=2)
    right = {}
    for name, variants in (("films", CYCLE), ("frames", FLAT)):
        torch.manual_seed(0)
        network = P3DResNet((1, 1, 1, 1), 2, in_channels=1, width=8, variants=variants, dropout=0.0)
        fit(network, x, y, steps=STEPS)
        with torch.no_grad():
            right[name] = (network(unseen).argmax(1) == ways).float().mean().item()
    assert right["films"] > 0.9, right
    assert abs(right["frames"] - 0.5) < 0.1, right
