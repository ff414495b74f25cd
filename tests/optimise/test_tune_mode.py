"""Tune mode is evaluation mode, in values, gradients and trajectory, with less kept for the backward pass."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.models.inverted_residual import InvertedResidual
from circulant.optimise.tune_mode import deploy_mode, tune_mode
from circulant.optimise.tune_mode_conv_bn import TuneModeConvBn

LAYERS = {
    "1-D, strided": (nn.Conv1d(4, 6, 3, stride=2), nn.BatchNorm1d(6), (3, 4, 11)),
    "2-D, no bias": (nn.Conv2d(4, 6, 3, bias=False), nn.BatchNorm2d(6), (3, 4, 7, 6)),
    "2-D, reflected": (
        nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"),
        nn.BatchNorm2d(6),
        (3, 4, 7, 6),
    ),
    "3-D": (nn.Conv3d(2, 3, 2), nn.BatchNorm3d(3), (2, 2, 4, 3, 5)),
    "grouped": (nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d(6), (3, 4, 7, 6)),
    "depthwise": (nn.Conv2d(4, 8, 3, groups=4, padding="same"), nn.BatchNorm2d(8), (3, 4, 7, 6)),
    "no affine map": (nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6, affine=False), (3, 4, 7, 6)),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, 2, 1, 1), nn.BatchNorm2d(6), (3, 4, 5, 4)),
    "transposed, 1-D": (nn.ConvTranspose1d(4, 6, 3, dilation=2), nn.BatchNorm1d(6), (3, 4, 5)),
    "transposed, 3-D": (nn.ConvTranspose3d(2, 3, 2, bias=False), nn.BatchNorm3d(3), (2, 2, 4, 3, 5)),
    "grouped, transposed": (nn.ConvTranspose2d(4, 6, 3, groups=2), nn.BatchNorm2d(6), (3, 4, 5, 4)),
}


def pair(name):
    """In float64, with every number of the norm away from where it starts."""
    torch.manual_seed(0)
    conv, bn, shape = deepcopy(LAYERS[name])
    return *unsettled(nn.Sequential(conv, bn)), torch.randn(shape, dtype=torch.float64)


def unsettled(network):
    for module in network.double().modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.3, 3)
            for parameter in module.parameters():
                nn.init.normal_(parameter)
    return network


def outcome(network, x, parameters):
    x = x.clone().requires_grad_()
    y = network(x)
    return [y.detach(), *torch.autograd.grad(y.sin().sum(), [x, *parameters])]


def small_res_net():
    torch.manual_seed(0)
    return unsettled(
        nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
            Bottleneck(8), Bottleneck(8), InvertedResidual(8, 8), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(8, 3),
        )
    )  # fmt: skip


class Bottleneck(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, 4, 1, bias=False), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.conv3, self.bn3 = nn.Conv2d(4, channels, 1, bias=False), nn.BatchNorm2d(channels)

    def forward(self, x):
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        return (self.bn3(self.conv3(y)) + x).relu()


class UsedTwice(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x):
        y = self.conv(x)
        return self.bn(y) + y


@pytest.mark.parametrize("name", LAYERS)
def test_values_and_all_gradients_are_those_of_evaluation(name):
    conv, bn, x = pair(name)
    conv.eval(), bn.eval()
    parameters = [*conv.parameters(), *bn.parameters()]
    expected = outcome(nn.Sequential(conv, bn), x, parameters)
    found = outcome(TuneModeConvBn(conv, bn).eval(), x, parameters)
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() < 1e-10
    deployed = TuneModeConvBn(conv, bn).eval().deployed()
    assert type(deployed) is type(conv)
    assert (deployed(x) - expected[0]).abs().max() < 1e-10


@pytest.mark.parametrize("name", LAYERS)
def test_in_training_statistics_are_of_the_batch_and_move(name):
    conv, bn, x = pair(name)
    expected = nn.Sequential(conv, deepcopy(bn))
    tuned = TuneModeConvBn(conv, bn).eval().train()
    assert torch.equal(tuned(x), expected(x))
    assert torch.equal(bn.running_var, expected[1].running_var)


def test_fifty_steps_of_transfer_learning_take_the_same_way():
    reference, network = small_res_net(), small_res_net()
    found, expected = list(network.parameters()), list(reference.parameters())
    assert len(tune_mode(network).replaced) == 20
    x, y = torch.randn(50, 8, 3, 6, 6, dtype=torch.float64), torch.randint(3, (50, 8))
    start = reference[0].weight.clone()
    for each in (reference, network):
        each.eval()
        optimiser = torch.optim.SGD(each.parameters(), 0.01, momentum=0.9)
        for batch, labels in zip(x, y):
            optimiser.zero_grad()
            nn.functional.cross_entropy(each(batch), labels).backward()
            optimiser.step()
    assert (reference[0].weight - start).abs().max() > 1e-3
    assert all((a - b).abs().max() < 1e-8 for a, b in zip(found, expected, strict=True))
    assert (network(x[0]) - reference(x[0])).abs().max() < 1e-8


def saved_byte(network, x):
    """Of tensors kept for the backward pass, parameters included, each storage once."""
    storages = {}

    def note(tensor):
        storages[tensor.untyped_storage().data_ptr()] = tensor  # kept alive, so that no address returns
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        kept = network(x)
    assert kept.grad_fn is not None
    return sum(tensor.untyped_storage().nbytes() for tensor in storages.values())


def test_what_is_kept_falls_by_the_output_of_the_convolution_less_the_folded_weight():
    conv, bn, x = nn.Conv2d(8, 16, 3, bias=False), nn.BatchNorm2d(16).eval(), torch.randn(4, 8, 20, 20)
    saved = saved_byte(nn.Sequential(conv, bn), x) - saved_byte(TuneModeConvBn(conv, bn.eval()).eval(), x)
    expected = 4 * (conv(x).numel() - conv.weight.numel())
    assert abs(saved - expected) <= 4 * 8 * 16  # a few vectors of one number per channel


def test_one_call_converts_a_network_in_place_and_undo_brings_it_back():
    network, x = small_res_net().eval(), torch.randn(2, 3, 6, 6, dtype=torch.float64)
    expected, before = network(x), list(network.modules())
    rewrite = tune_mode(network)
    joined = [each.name for each in rewrite.replaced if isinstance(each.after, TuneModeConvBn)]
    blocks = [f"{block}.conv{k}" for block in "34" for k in (1, 2, 3)]
    assert joined == ["0", *blocks, *(f"5.branch.{k}.0" for k in range(3))]
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network)
    assert (network(x) - expected).abs().max() < 1e-10
    rewrite.undo()
    assert list(network.modules()) == before
    assert torch.equal(network(x), expected)


def test_deployed_networks_are_plain_and_compute_the_same():
    network, x = small_res_net().eval(), torch.randn(2, 3, 6, 6, dtype=torch.float64)
    expected = network(x)
    deploy_mode(network)
    kinds = {type(module) for module in network.modules()}
    assert nn.BatchNorm2d not in kinds and TuneModeConvBn not in kinds
    assert (network(x) - expected).abs().max() < 1e-10


def test_training_mode_of_the_norm_alone_is_kept():
    network = nn.Sequential(nn.Conv1d(2, 3, 1), nn.BatchNorm1d(3).eval())
    tune_mode(network)
    assert network[0].conv.training and not network[0].bn.training
    other = nn.Sequential(nn.Conv1d(2, 3, 1), nn.BatchNorm1d(3)).eval()
    other[1].train()
    tune_mode(other)
    assert other[0].bn.training


@pytest.mark.parametrize(
    "network",
    [
        UsedTwice(),
        nn.Sequential(shared := nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), shared, nn.BatchNorm2d(3)),
        nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, track_running_stats=False)),
        nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.BatchNorm2d(4)),
    ],
    ids=["output used twice", "layer used twice", "no running statistics", "something between"],
)
def test_what_cannot_be_folded_is_left_alone(network):
    before = list(network.modules())
    assert tune_mode(network).replaced == ()
    assert list(network.modules()) == before


class Undecided(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


def test_networks_that_cannot_be_traced_are_refused_in_words():
    with pytest.raises(ArgumentError, match=r"a network that torch\.fx can trace, got Undecided"):
        tune_mode(Undecided())
    with pytest.raises(ArgumentError, match=r"a batch norm of its channels with running statistics"):
        TuneModeConvBn(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(3))


class NormThenAct(nn.BatchNorm2d):
    """As timm has it: torch's norm written out after a check of the input, then more."""

    def __init__(self, channels, act):
        super().__init__(channels)
        self.act = act

    def forward(self, x):
        torch._assert(x.ndim == 4, f"expected 4 axes, got {x.ndim}")
        x = F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, self.training, 0.1, self.eps
        )
        return self.act(x)


class NormThenInput(NormThenAct):
    def forward(self, x):
        return super().forward(x) + x


class NormOfTwice(NormThenAct):
    def forward(self, x):
        return super().forward(2 * x)


def test_what_a_norm_of_others_does_after_norming_stays():
    network = unsettled(nn.Sequential(nn.Conv2d(3, 4, 3), NormThenAct(4, nn.ReLU(inplace=True)))).eval()
    x = torch.randn(2, 3, 5, 5, dtype=torch.float64)
    expected, parameters = network(x), list(network.parameters())
    for join in (tune_mode, deploy_mode):
        rewrite = join(network)
        assert len(rewrite.replaced) == 2
        assert not any(type(part) is NormThenAct for part in network.modules())
        assert (network(x) - expected).abs().max() < 1e-12
        rewrite.undo()
        assert all(one is other for one, other in zip(parameters, network.parameters(), strict=True))


@pytest.mark.parametrize("kind", [NormThenInput, NormOfTwice])
def test_a_norm_that_reads_its_input_otherwise_stays(kind):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), kind(4, nn.ReLU())).eval()
    assert not deploy_mode(network).replaced
