"""Terminator: standardised groups, published blocks, the loss between its kernels, and digits."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.data.mnist import mnist_5k
from circulant.models.group_standardisation import GroupStandardisation2d
from circulant.models.terminator import Terminator, TerminatorDesign
from circulant.train.fit import fit
from circulant.train.predict import predict
from circulant.train.slow_net_loss import slow_net_loss, with_slow_net_loss

SMALL = TerminatorDesign(
    (12, 2, 1), (1, 1, 1), (0, 0, 1), (0.0, 0.0, 0.0), (3, 5, 3, 3), 16, 8, 8, (8, 16)
)  # fmt: skip


def test_batch_groups_are_centred_over_the_batch_and_instance_groups_over_each_example():
    x = torch.randn(3, 24, 5, 5, dtype=torch.float64) * torch.rand(3, 24, 1, 1).double() + torch.randn(
        3, 24, 1, 1, dtype=torch.float64
    )
    groups = GroupStandardisation2d(24, 12)(x).unflatten(1, (12, 2))
    batch, instance = groups[:, 0::2], groups[:, 1::2]
    assert batch.mean((0, 3, 4)).abs().max() < 1e-12
    assert (batch.square().mean((0, 3, 4)) - 1).abs().max() < 0.1
    assert batch.mean((3, 4)).abs().max() > 0.1
    assert instance.mean((3, 4)).abs().max() < 1e-12
    pairs = x.unflatten(1, (12, 2))
    for own in (0, 3):
        axes = (0, 2, 3) if own == 0 else (2, 3)
        centred = pairs[:, own] - pairs[:, own].mean(axes, keepdim=True)
        spread = (centred.square().mean(axes, keepdim=True) + 1e-5).sqrt()
        assert_close(groups[:, own], centred / spread)


def test_features_are_centred_before_the_nonlinearity_in_evaluation_too():
    torch.manual_seed(0)
    network, seen = Terminator(SMALL, 10, 1, size=6).eval(), []
    for block in network.blocks:
        block.standardise.register_forward_hook(lambda module, args, y: seen.append(y))
    network(torch.randn(4, 1, 6, 6))
    assert len(seen) == 3
    for y in seen:
        groups = y.unflatten(1, (12, -1))
        assert groups[:, 0::2].mean((0, 3, 4)).abs().max() < 1e-5
        assert groups[:, 1::2].mean((3, 4)).abs().max() < 1e-5


@pytest.mark.parametrize(("channels", "groups"), [(24, 5), (24, 0), (25, 12)])
def test_groups_that_do_not_fit_are_refused(channels, groups):
    with pytest.raises(ArgumentError, match="even number of groups"):
        GroupStandardisation2d(channels, groups)


def test_the_published_design_has_its_channels_and_its_joins():
    with torch.device("meta"):
        network = Terminator()
    sizes = [tuple(block.branches.join.weight.shape[:2]) for block in network.blocks]
    assert sizes == [(12, 30), (36, 120), (72, 11 * 36), (144, 11 * 72), (288, 12 * 144)]
    assert [block.branches.mixed.channels for block in network.blocks] == [3, 12, 36, 72, 144]
    assert [len(block.branches.mixed.slow.linears) for block in network.blocks] == [3, 2, 2, 2, 2]
    assert [local.kernel_size for local in network.blocks[0].branches.local] == [3, 9, 5, 7]
    assert network.head.classify.in_features == 288


def test_every_parameter_learns_and_no_earlier_block_is_unseen():
    torch.manual_seed(0)
    network = Terminator(SMALL, 10, 1, size=6)
    output = network(torch.randn(4, 1, 6, 6))
    (output.square().sum() + slow_net_loss(network.hyper_kernels())).backward()
    still = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


def test_an_earlier_block_that_is_not_there_is_refused():
    with pytest.raises(ArgumentError, match="earlier blocks"):
        Terminator(TerminatorDesign((12, 2), (1, 1), (0, 2), (0.0, 0.0)), 10, 1, size=6)
    with pytest.raises(ArgumentError, match="as many entries"):
        Terminator(TerminatorDesign((12, 2), (1, 1, 1), (0, 0), (0.0, 0.0)), 10, 1, size=6)


def test_pictures_that_are_not_square_are_refused():
    with pytest.raises(ShapeError, match="square"):
        Terminator(SMALL, 10, 1, size=6)(torch.zeros(2, 1, 6, 7))


def test_the_loss_of_kernels_is_the_mean_square_of_neighbours():
    shallow, deep = torch.randn(2, 3, 3).double(), torch.randn(6, 3, 3).double()
    expected = sum((shallow[c % 2] - deep[c]).square().sum() for c in range(6)) / deep.numel()
    assert_close(slow_net_loss([shallow, deep]), expected)
    assert_close(slow_net_loss([shallow, deep, deep]), expected)
    assert slow_net_loss([shallow, shallow.repeat(3, 1, 1)]) == 0


@pytest.mark.parametrize("channels", [[2], [2, 3], [4, 2]])
def test_kernels_that_cannot_be_compared_are_refused(channels):
    with pytest.raises(ShapeError, match="expected"):
        slow_net_loss([torch.zeros(count, 3, 3) for count in channels])


@pytest.mark.slow
def test_a_small_network_reads_digits():
    digits = mnist_5k(0)
    torch.manual_seed(0)
    network = Terminator(SMALL, 10, 1, size=14)
    pool = nn.AvgPool2d(2)
    x, y = pool(torch.from_numpy(digits.train.x)), torch.from_numpy(digits.train.y)
    fit(network, x, y, steps=350, loss=with_slow_net_loss(network))
    right = predict(network, pool(torch.from_numpy(digits.test.x))) == torch.from_numpy(digits.test.y)
    accuracy = right.double().mean().item()
    print(f"Terminator on digits: {accuracy:.3f}")
    assert accuracy > 0.95
