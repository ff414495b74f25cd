"""Every convolution of a network joined with the batch norm that alone reads it.

`tune_mode` saves memory and time of transfer learning: put the network (or its batch norms) in evaluation and
train on. `deploy_mode` is for a network that trains no more. Undone, a rewrite gives the modes train and eval
of before, with the parameters as they have become in tune mode.

After You, Qin, Bao, Cao, Huang, Shan and Long (2023), Efficient ConvBN Blocks for Transfer Learning and
Beyond, https://arxiv.org/abs/2305.11624.
"""

from collections.abc import Callable

from torch import nn

from circulant.optimise.layer_pairs import pairs_of
from circulant.optimise.replaced import Rewrite, replace
from circulant.optimise.split_norm import split_norm
from circulant.optimise.traced import traced
from circulant.optimise.tune_mode_conv_bn import TuneModeConvBn, can_fold


def tune_mode(network: nn.Module) -> Rewrite:
    """Put `TuneModeConvBn` in the place of each such convolution, and an identity in that of its norm.

    Of classes derived from torch's batch norms what they do after the norm stays, such as an activation.
    """
    return _joined(network, lambda pair: pair)


def deploy_mode(network: nn.Module) -> Rewrite:
    """The same with one plain convolution; what batch norms have gathered is final then.

    The network computes what it did in evaluation, whatever its mode.
    """
    return _joined(network, TuneModeConvBn.deployed)


def _joined(network: nn.Module, joined: Callable[[TuneModeConvBn], nn.Module]) -> Rewrite:
    substitutes: dict[nn.Module, nn.Module] = {}
    for conv, bn in pairs_of(traced(network), _fit).items():
        split = split_norm(bn)
        assert split is not None  # or it would not fit
        substitutes[conv] = joined(TuneModeConvBn(conv, split.norm))
        substitutes[bn] = split.rest
    modes = {module: module.training for module in network.modules()}
    rewrite = replace(network, lambda _, module: substitutes.get(module))
    for module, training in modes.items():
        module.training = training  # of a batch norm too, which may differ from that of its convolution
    return rewrite


def _fit(conv: nn.Module, bn: nn.Module) -> bool:
    split = split_norm(bn)
    return split is not None and can_fold(conv, split.norm)
