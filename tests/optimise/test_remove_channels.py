"""Networks without some channels compute what they did with these channels at zero."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.optimise.channel_units import channel_units
from circulant.optimise.remove_channels import remove_channels


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.inner, self.last = nn.Conv2d(6, 5, 3, padding=1), nn.Conv2d(5, 6, 1)
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        x = torch.relu(self.norm(self.first(x)))
        x = x + self.last(torch.relu(self.inner(x)))
        return self.head(x.mean((2, 3)))


class Joined(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other, self.act = nn.Conv1d(2, 3, 3), nn.Conv1d(2, 4, 3, bias=False), nn.PReLU(7)
        self.read = nn.Conv1d(7, 2, 1)

    def forward(self, x):
        return self.read(self.act(torch.cat([self.one(x), self.other(x)], 1)))


def chain(*layers):
    return nn.Sequential(*layers)


NETWORKS = {
    "flattened": (
        chain(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 5, 3),
              nn.SiLU(), nn.Flatten(), nn.Linear(20, 6), nn.BatchNorm1d(6), nn.Linear(6, 3)),
        (2, 1, 10, 10), 15,
    ),
    "residual": (Residual(), (2, 3, 6, 6), 11),
    "joined, 1-D": (Joined(), (2, 2, 9), 7),
    "depthwise": (
        chain(nn.Conv2d(2, 4, 1), nn.Conv2d(4, 8, 3, groups=4), nn.BatchNorm2d(8), nn.ReLU(),
              nn.Conv2d(8, 2, 1)),
        (2, 2, 5, 6), 4,
    ),
    "grouped, 3-D": (
        chain(nn.Conv3d(2, 6, 1), nn.Tanh(), nn.Conv3d(6, 8, 2, groups=2), nn.ReLU(), nn.Conv3d(8, 2, 1)),
        (2, 2, 4, 3, 3), 3 + 4,
    ),
}  # fmt: skip


def network(name):
    torch.manual_seed(0)
    module, shape, free = NETWORKS[name]
    for part in module.double().modules():
        for parameter in part.parameters(recurse=False):
            nn.init.normal_(parameter)
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.5, 2)
    return module.eval(), torch.randn(shape, dtype=torch.float64), free


def masked_where_read(module, units, kept):
    """The weights that read removed channels at zero, before the rewrite."""
    for name, read in units.read.items():
        layer = module.get_submodule(name)
        groups = getattr(layer, "groups", 1)
        gone = ~kept[read]
        with torch.no_grad():
            if groups == 1:
                layer.weight[:, gone] = 0
            elif groups == len(read):
                layer.weight[gone.repeat_interleave(len(layer.weight) // groups)] = 0
                layer.bias[gone.repeat_interleave(len(layer.weight) // groups)] = 0
            else:
                layer.weight[:, gone[: layer.weight.shape[1]]] = 0


@pytest.mark.parametrize("name", NETWORKS)
def test_removal_equals_masking_behind_norms_and_activations(name):
    module, x, free = network(name)
    units = channel_units(module, x)
    assert (~units.fixed).sum() == free
    kept = units.fixed.clone()
    kept[(~units.fixed).nonzero().flatten()[::2]] = True
    before = sum(parameter.numel() for parameter in module.parameters())
    original = module(x)
    rewrite = remove_channels(module, units, kept)
    found = module(x)
    assert sum(parameter.numel() for parameter in module.parameters()) < before
    rewrite.undo()
    assert torch.equal(module(x), original)
    masked_where_read(module, units, kept)
    assert (found - module(x)).abs().max() < 1e-10
    assert (found - original).abs().max() > 1e-6


def test_channels_that_meet_in_a_sum_are_one_unit_and_the_output_is_fixed():
    module, x, _ = network("residual")
    units = channel_units(module, x)
    assert torch.equal(units.made["first"], units.made["last"])
    assert torch.equal(units.made["first"], units.read["head"])
    assert units.fixed[units.made["head"]].all() and units.fixed[units.read["first"]].all()
    assert {name for name, _ in units.free_layers()} == {"first", "inner", "last"}
    scores = {"first": torch.ones(6), "last": torch.arange(6.0)}
    assert torch.equal(units.total(scores)[units.made["last"]], torch.arange(1.0, 7.0).double())


def test_a_mask_at_the_convolution_would_leave_the_bias_of_the_norm():
    module, x, _ = network("flattened")
    with torch.no_grad():
        module[1].running_mean[1], module[1].bias[1] = 0, 1
    units = channel_units(module, x)
    kept = torch.ones_like(units.fixed)
    kept[units.made["0"][1]] = False
    rewrite = remove_channels(module, units, kept)
    found = module(x)
    rewrite.undo()
    with torch.no_grad():
        module[0].weight[1], module[0].bias[1] = 0, 0
    assert (module(x) - found).abs().max() > 1e-3


class Unknown(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 3, 1)

    def forward(self, x):
        return self.other(torch.softmax(self.one(x), 1))


def test_what_is_not_known_keeps_its_channels_and_modes_are_put_back():
    module = Unknown().train()
    units = channel_units(module, torch.rand(1, 3, 2, 2))
    assert units.fixed.all() and module.training
    assert not channel_units(chain(nn.Conv1d(1, 3, 1), nn.ReLU(), nn.Conv1d(3, 1, 1)),
                             torch.rand(1, 1, 4)).fixed.all()  # fmt: skip


def test_fixed_units_and_whole_layers_cannot_go():
    module, x, _ = network("residual")
    units = channel_units(module, x)
    with pytest.raises(ArgumentError, match="fixed units to be kept, got"):
        remove_channels(module, units, torch.zeros_like(units.fixed))
    kept = torch.ones_like(units.fixed)
    kept[units.made["inner"]] = False
    with pytest.raises(ArgumentError, match="a channel or more left in 'inner', got none"):
        remove_channels(module, units, kept)
    with pytest.raises(ShapeError, match="kept as"):
        remove_channels(module, units, kept[1:])
    with pytest.raises(ShapeError, match=r"one number for each output channel .* got \(5,\) for 'first'"):
        units.total({"first": torch.ones(5)})
