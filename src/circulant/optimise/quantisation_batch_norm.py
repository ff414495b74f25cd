"""Batch norms after convolutions, put into their weights before these are rounded.

With running statistics, gamma (w * x + b - mu) / sigma + beta is one convolution with the weight
w gamma / sigma. Integers need that form, so that rounding has to happen to the folded weight.

Krishnamoorthi, 2018, Quantizing deep convolutional networks for efficient inference: A whitepaper,
https://arxiv.org/abs/1806.08342.
"""

from typing import Any

from torch import nn
from torch.nn.utils import fuse_conv_bn_eval, fuse_linear_bn_eval

from circulant.core.errors import ArgumentError
from circulant.core.evaluation import in_evaluation
from circulant.engine.conv_settings import CONVOLUTIONS
from circulant.optimise.layer_pairs import pairs_in

QUANTISED = (*CONVOLUTIONS, nn.Linear)
NORMS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Linear: nn.BatchNorm1d,
    nn.Conv1d: nn.BatchNorm1d,
    nn.Conv2d: nn.BatchNorm2d,
    nn.Conv3d: nn.BatchNorm3d,
}


def fold_batch_norm(layer: nn.Module, norm: nn.Module) -> nn.Module:
    """A layer of the same kind that computes norm(layer(x)) of evaluation mode; both stay as they are.

    For torch's convolutions and nn.Linear, with the batch norm of the same number of axes.
    """
    require_foldable(layer, norm)
    pair: Any = nn.ModuleList([layer, norm])
    fuse: Any = fuse_linear_bn_eval if isinstance(layer, nn.Linear) else fuse_conv_bn_eval
    with in_evaluation(pair):
        folded: nn.Module = fuse(layer, norm)
    return folded.train(layer.training)


def require_foldable(layer: nn.Module, norm: Any) -> None:
    if not _is_foldable(layer, norm):
        raise ArgumentError(
            "expected a convolution of torch or nn.Linear, and a batch norm with running statistics, "
            f"got {layer} and {norm}"
        )


def _is_foldable(layer: Any, norm: Any) -> bool:
    return type(layer) in QUANTISED and type(norm) is NORMS[type(layer)] and norm.running_var is not None


def batch_norms_after(network: nn.Module) -> dict[str, str]:
    """Names of layers whose result a batch norm alone reads -> the norm's; both stand in one place.

    Looked for in the parts of the network that torch.fx can record.
    """
    names = {module: name for name, module in network.named_modules()}
    return {names[layer]: names[norm] for layer, norm in pairs_in(network, _is_foldable).items()}
