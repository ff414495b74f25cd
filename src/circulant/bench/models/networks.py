"""The networks that are timed, in published sizes, with weights at random."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.bench.case import SEED, generator
from circulant.bench.models.plain import plain
from circulant.bench.operation import normal
from circulant.bench.workload import Goal, Group, Passes
from circulant.core.sizes import Shape
from circulant.models.conv_next import ConvNeXt
from circulant.models.hyena import DNA_TOKENS, hyena_dna
from circulant.models.mobile_net_v2 import MobileNetV2
from circulant.models.rep_lk_net import RepLKNet
from circulant.models.res_net import ResNet
from circulant.models.uni_rep_lk_net import UniRepLKNet

BATCHES = (1, 32)
SIDE, LENGTH = 224, 2048
OVER_EAGER, OVER_OTHERS = 2.0, 1.3  # times faster that optimise should be, in geometric mean
WORST = 0.95  # the same over the best of the others, of each network
NORMED = 4  # examples that the batch norms have seen


@final
@dataclass(frozen=True, slots=True)
class Network:
    """make builds it as it is trained. merge: its own way to merge branches, in place.

    is_library: it is built of circulant's operators, and optimise is given it so; else in torch's layers.
    """

    make: Callable[[], nn.Module]
    shapes: tuple[Shape, ...]
    merge: Callable[[Any], None] | None = None
    is_library: bool = False

    @property
    def reads_tokens(self) -> bool:
        return len(self.shapes[0]) == 2

    @property
    def columns(self) -> tuple[str, ...]:
        return ("batch", "length") if self.reads_tokens else ("batch", "channels", "height", "width")


PICTURES: tuple[Shape, ...] = tuple((batch, 3, SIDE, SIDE) for batch in BATCHES)
TOKENS: tuple[Shape, ...] = tuple((batch, LENGTH) for batch in BATCHES)

NETWORKS: Mapping[str, Network] = {
    "ConvNeXt-T": Network(lambda: ConvNeXt(scale=1.0), PICTURES),
    "RepLKNet-31B": Network(RepLKNet, PICTURES, RepLKNet.reparameterize, is_library=True),
    "UniRepLKNet-T": Network(UniRepLKNet, PICTURES, UniRepLKNet.reparameterize, is_library=True),
    "MobileNetV2": Network(MobileNetV2, PICTURES),
    "ResNet-50": Network(ResNet, PICTURES),
    "HyenaDNA": Network(lambda: hyena_dna(LENGTH), TOKENS, is_library=True),
}


def network_groups() -> tuple[Group, ...]:
    goal = Goal(default=OVER_EAGER, tuned=OVER_OTHERS)
    return tuple(
        Group(name, name, network.columns, network.shapes, Passes.FORWARD, goal)
        for name, network in NETWORKS.items()
    )


def built(network: Network) -> nn.Module:
    """The same weights at every call, in evaluation mode; each block adds, and norms have seen something."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        module = network.make()
        for name, parameter in module.named_parameters():
            # weights of gates start so small that they do nothing; those of Hyena's sines are as they must be
            if parameter.ndim > 1 and not network.reads_tokens:
                nn.init.kaiming_normal_(parameter)
            elif name.endswith((".scale", ".gain")):
                nn.init.ones_(parameter)
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.momentum = None  # the mean of what it sees
        with torch.no_grad():
            module.train()(inputs(network, (NORMED, *network.shapes[0][1:])))
    return module.eval().requires_grad_(False)


def given(network: Network) -> nn.Module:
    """What optimise gets."""
    module = built(network)
    return module if network.is_library else plain(module)


def as_it_came(network: Network) -> nn.Module:
    """In torch's layers, branches and all."""
    return plain(built(network))


def merged(network: Network) -> nn.Module:
    """In torch's layers, after its own merging."""
    module = built(network)
    if network.merge is not None:
        network.merge(module)
    return plain(module)


def inputs(network: Network, shape: Shape) -> Tensor:
    """Normal values, or tokens."""
    if network.reads_tokens:
        return torch.randint(DNA_TOKENS, shape, generator=generator())
    return normal(shape)[0].float()
