r"""Channels removed layer by layer, chosen by LASSO, and the next layer's weight found anew by least squares.

Of a layer that reads channels i, with windows X_i of what it is given by the network as pruned so far and Y,
what it gave in the network before,

    keep i with beta_i != 0 in   Y ~ c + sum_i beta_i X_i W_i^T,    then   W, b = argmin |Y - X W^T - b|^2

over the kept channels; then whatever makes the others is removed. Errors of layers already pruned are seen
and partly undone by the layers behind. Where the output of the layer is the branch of a residual block, Y is
that branch plus (shortcut before - shortcut now), so that the sum stays near to what it was. Channels that
several layers read, as those of a residual stream, stay; each convolution that reads them picks its own.

After He (2022), Pruning Very Deep Neural Network Channels for Efficient Inference,
https://arxiv.org/abs/2211.08339. Batch norms between a layer and its sum hide the residual block: fold them
first (`deploy_mode`). Layers of several groups, depthwise ones too, lose channels with their neighbours but
choose none.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn

from circulant.core.errors import ArgumentError
from circulant.core.evaluation import in_evaluation
from circulant.engine.conv_settings import CONVOLUTIONS
from circulant.optimise.channel_calls import TOGETHER_BY_SUM
from circulant.optimise.channel_units import channel_units
from circulant.optimise.input_windows import input_windows
from circulant.optimise.lasso_selection import lasso_selection, least_squares
from circulant.optimise.node_values import node_values
from circulant.optimise.picked_input import PickedInput
from circulant.optimise.remove_channels import remove_channels, smaller_layer
from circulant.optimise.replaced import Rewrite, replace_named
from circulant.optimise.traced import called, traced

POSITIONS = 10  # of each example's output
LARGEST_SELECTION, SELECTION_PART = 400, 20  # samples that LASSO sees: at most so many, or N / 20


@final
@dataclass(frozen=True, slots=True)
class PrunedLayer:
    """The layer that chose among the channels that it reads."""

    name: str
    channels: int
    kept: int
    alpha: float  # LASSO's penalty
    error: float  # |Y - fit| / |Y|, Y centred, over the samples

    def __str__(self) -> str:
        return f"{self.name} reads {self.kept} of {self.channels} channels, relative error {self.error:.3g}"


@final
@dataclass(frozen=True, slots=True)
class LassoPruning:
    """The network, changed in place, and what was chosen, in order."""

    module: nn.Module
    layers: tuple[PrunedLayer, ...]
    rewrites: tuple[Rewrite, ...]

    def undo(self) -> nn.Module:
        for rewrite in reversed(self.rewrites):
            rewrite.undo()
        return self.module

    def __str__(self) -> str:
        return "\n".join([f"pruned {len(self.layers)} layers", *(f"  {layer}" for layer in self.layers)])


def prune_channels_lasso(
    network: nn.Module, examples: Tensor, share: float, *, seed: int = 0, names: Sequence[str] | None = None
) -> LassoPruning:
    """Keep about that share of the channels that each layer reads; names: those of the layers that choose.

    examples (B, C, *spatial): what the fit is made on; 10 places of each, drawn with the seed. Needs
    scikit-learn.
    """
    if not 0 < share <= 1:
        raise ArgumentError(f"expected a share of channels above 0 and up to 1, got {share}")
    generator = np.random.default_rng(seed)
    twin = traced(network)
    original = fx.GraphModule(deepcopy(network).eval(), twin.graph)
    layers, rewrites = [], []
    with torch.no_grad():
        for node in _readers(twin, names):
            pruner = _LayerFit(network, original, node, examples, generator)
            found = pruner.prune(share)
            if found is not None:
                layers.append(found[0])
                rewrites.append(found[1])
    return LassoPruning(network, tuple(layers), tuple(rewrites))


def _readers(twin: fx.GraphModule, names: Sequence[str] | None) -> list[fx.Node]:
    """Layers without groups, called once, in order."""
    calls = [str(node.target) for node in twin.graph.nodes if node.op == "call_module"]
    found = {}
    for node in twin.graph.nodes:
        layer: Any = called(twin, node)
        kinds = (*CONVOLUTIONS, nn.Linear)
        if type(layer) in kinds and getattr(layer, "groups", 1) == 1 and calls.count(str(node.target)) == 1:
            found[str(node.target)] = node
    if missing := sorted(set(names or ()) - found.keys()):
        raise ArgumentError(
            f"expected names of convolutions without groups or linear layers, called once, got "
            f"{', '.join(missing)}; known: {', '.join(found)}"
        )
    return [node for name, node in found.items() if names is None or name in names]


@final
class _LayerFit:
    """One layer's choice among what it reads, and its new weight."""

    def __init__(
        self,
        network: nn.Module,
        original: fx.GraphModule,
        node: fx.Node,
        examples: Tensor,
        generator: np.random.Generator,
    ) -> None:
        self.network, self.original, self.node = network, original, node
        self.examples, self.generator = examples, generator
        self.name = str(node.target)
        self.layer: Any = network.get_submodule(self.name)
        self.units = channel_units(network, examples[:1])

    def prune(self, share: float) -> tuple[PrunedLayer, Rewrite] | None:
        """None where every channel that the layer reads is to stay."""
        read = self.units.read[self.name]
        members, place = read.unique(return_inverse=True)
        wanted = max(1, round(share * len(members)))
        alone = not self.units.fixed[members].any() and not self._read_elsewhere(members)
        if wanted == len(members) or not (alone or self._picks(read)):
            return None
        windows, y = self._samples()
        selection = lasso_selection(*self._parts(windows, y, place.numpy()), wanted)
        kept = torch.from_numpy(selection.kept)
        if kept.all():
            return None
        columns = windows.reshape(len(windows), len(read), -1)[:, kept[place].numpy()].reshape(
            len(windows), -1
        )
        weight, bias = least_squares(columns, y)
        error = np.linalg.norm(columns @ weight.T + bias - y) / np.linalg.norm(y - y.mean(0))
        rewrite = self._rewrite(kept[place], members[~kept], weight, bias, alone)
        return PrunedLayer(self.name, len(members), int(kept.sum()), selection.alpha, float(error)), rewrite

    def _picks(self, read: Tensor) -> bool:
        """Whether it is a convolution that may pick among channels which stay: not among the input's own."""
        return type(self.layer) is not nn.Linear and any(
            torch.isin(self.units.made[name], read).any() for name in self.units.made
        )

    def _read_elsewhere(self, members: Tensor) -> bool:
        return any(
            torch.isin(read, members).any() and not self._is_depthwise(name)
            for name, read in self.units.read.items()
            if name != self.name
        )

    def _is_depthwise(self, name: str) -> bool:
        layer: Any = self.network.get_submodule(name)
        return getattr(layer, "groups", 1) == len(self.units.read[name]) > 1

    def _samples(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Windows (N, I, taps) of the network as it is, and what the layer should make of them (N, O)."""
        given: Any = self.node.args[0]
        shortcut = _shortcut(self.node)
        wanted = [given] if shortcut is None else [given, shortcut]
        with in_evaluation(self.network):
            now = node_values(fx.GraphModule(self.network, self.original.graph), self.examples, wanted)
        before = node_values(self.original, self.examples, [self.node, *wanted[1:]])
        y = before[self.node]
        if shortcut is not None:
            y = y + before[shortcut] - now[shortcut]
        windows = input_windows(self.layer, now[given])
        axes = y.ndim - 2
        flat = windows.flatten(1, axes) if axes else windows[:, None]
        targets = y.flatten(2).transpose(1, 2) if axes else y[:, None]
        count = min(POSITIONS, flat.shape[1])
        places = self.generator.permuted(np.tile(np.arange(flat.shape[1]), (len(flat), 1)), axis=1)[:, :count]
        rows, columns = torch.arange(len(flat))[:, None], torch.from_numpy(places)
        picked = flat[rows, columns].flatten(0, 1)
        return (
            picked.reshape(len(picked), flat.shape[2], -1).double().cpu().numpy(),
            targets[rows, columns].flatten(0, 1).double().cpu().numpy(),
        )

    def _parts(
        self, windows: NDArray[np.float64], y: NDArray[np.float64], place: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What each unit adds to the outputs of some samples, (n O, units), and these outputs, (n O,)."""
        fewer = max(1, min(LARGEST_SELECTION, len(windows) // SELECTION_PART))
        some = self.generator.choice(len(windows), fewer, replace=False)
        weight = self.layer.weight.flatten(2) if self.layer.weight.ndim > 2 else self.layer.weight[..., None]
        each = np.einsum("nik,oik->noi", windows[some], weight.double().cpu().numpy(), optimize=True)
        parts = np.zeros((place.max() + 1, each.shape[0] * each.shape[1]))
        np.add.at(parts, place, each.reshape(-1, each.shape[2]).T)
        return parts.T, y[some].reshape(-1)

    def _rewrite(
        self, kept_inputs: Tensor, gone: Tensor, weight: NDArray[Any], bias: NDArray[Any], alone: bool
    ) -> Rewrite:
        if alone:
            kept = torch.ones(self.units.count, dtype=torch.bool)
            kept[gone] = False
            rewrite = remove_channels(self.network, self.units, kept)
            fitted: Any = self.network.get_submodule(self.name)
        else:
            every = torch.ones(self.layer.weight.shape[0], dtype=torch.bool)
            fitted = smaller_layer(self.layer, every, kept_inputs)
            picked = PickedInput(kept_inputs.nonzero().flatten(), fitted)
            rewrite = replace_named(self.network, {self.name: lambda _: picked})
        old = self.layer.weight
        fitted.weight.copy_(torch.from_numpy(weight).reshape(fitted.weight.shape))
        fitted.bias = nn.Parameter(torch.from_numpy(bias).to(old), old.requires_grad)
        return rewrite


def _shortcut(node: fx.Node) -> fx.Node | None:
    """What the output of a layer is added to, where that is its one use."""
    if len(node.users) != 1:
        return None
    (user,) = node.users
    others = [each for each in user.all_input_nodes if each is not node]
    return others[0] if user.target in TOGETHER_BY_SUM and len(others) == 1 else None
