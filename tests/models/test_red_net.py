"""RedNet has the sizes that were published, and halves its grid five times."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.models.red_net import Bottleneck, RedNet, red_net
from circulant.operators.dynamic.involution2d import Involution2d

PUBLISHED = ((26, 9.23e6), (38, 12.39e6), (50, 15.54e6), (101, 25.65e6), (152, 33.98e6))


@pytest.mark.parametrize(("layers", "published"), PUBLISHED)
def test_the_parameters_are_as_many_as_published(layers, published):
    with torch.device("meta"):
        network = red_net(layers)
    counted = sum(parameter.numel() for parameter in network.parameters())
    assert abs(counted / published - 1) < 0.005


def test_every_window_after_the_stem_is_an_involution_of_seven_taps():
    with torch.device("meta"):
        network = red_net(26, 7)
    involutions = [part for part in network.modules() if isinstance(part, Involution2d)]
    assert [part.kernel[0] for part in involutions] == [3] + [7] * 8
    assert network.body(torch.empty(2, 3, 96, 64, device="meta")).shape == (2, 2048, 3, 2)
    assert network(torch.empty(2, 3, 96, 64, device="meta")).shape == (2, 7)


def test_a_bottleneck_starts_as_its_shortcut():
    torch.manual_seed(0)
    x = torch.randn(2, 64, 4, 6, dtype=torch.float64)
    assert_close(Bottleneck(64, 64).double()(x), x.relu())
    strided = Bottleneck(64, 128, 2).double().eval()
    assert_close(strided(x), strided.shortcut(x).relu())
    assert strided(x).shape == (2, 128, 2, 3)


def test_sizes_that_were_not_published_are_built_by_their_depths():
    with pytest.raises(ArgumentError, match="26, 38, 50, 101, 152"):
        red_net(18)
    with pytest.raises(ArgumentError, match="multiple of 32"):
        RedNet((1, 1), width=48)
    assert RedNet((1, 1), 3, 1, width=32)(torch.randn(2, 1, 16, 16)).shape == (2, 3)
