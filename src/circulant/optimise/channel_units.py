"""Which channels of which layers can only be removed together: what every pruning criterion needs to know.

A network is traced and run once on an example. Each channel of each tensor carries the number of its unit;
units become one where channels meet: in a sum, in a depthwise convolution, or where the groups of a
convolution must stay of one size. A unit is fixed where it reaches the input, the output, or a call that is
not known here, so that its channels cannot go.

The walk knows convolutions of one to three dimensions with any groups, linear layers, batch norms, PReLU,
what acts on each channel alone (activations, dropout, pooling, resizing), sums and products, concatenation
and flattening.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.evaluation import in_evaluation
from circulant.engine.conv_settings import CONVOLUTIONS
from circulant.optimise.channel_calls import Call, call_of
from circulant.optimise.traced import called, traced
from circulant.optimise.unit_numbers import UnitNumbers

FOLLOWERS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.PReLU)


@final
@dataclass(frozen=True, slots=True, eq=False)
class ChannelUnits:
    """By layer, in the order of calls, the unit of each output channel, input channel or parameter."""

    made: dict[str, Tensor]  # (O), of convolutions and linear layers
    read: dict[str, Tensor]  # (I), of the same; of a linear layer behind a flattening, (features)
    followed: dict[str, Tensor]  # (C), of norms and activations with a number for each channel
    fixed: Tensor  # (units,), true where the channels must stay

    @property
    def count(self) -> int:
        return len(self.fixed)

    def free_layers(self) -> Iterator[tuple[str, Tensor]]:
        """Layers whose output channels may all be removed, with their units."""
        return ((name, units) for name, units in self.made.items() if not self.fixed[units].any())

    def total(self, scores: Mapping[str, Tensor]) -> Tensor:
        """Scores (O) of layers by name, added up over each unit -> (units,), float64."""
        sums = torch.zeros(self.count, dtype=torch.float64)
        for name, score in scores.items():
            if name not in self.made or score.shape != self.made[name].shape:
                raise ShapeError(
                    f"expected scores of one number for each output channel of a layer that was called, got "
                    f"{tuple(score.shape)} for {name!r}"
                )
            sums.index_add_(0, self.made[name], score.detach().double().cpu())
        return sums


def channel_units(network: nn.Module, example_input: Tensor) -> ChannelUnits:
    """Units of the network for one tensor x (B, C, *spatial) or (B, C); modes are put back."""
    twin = traced(network)
    with in_evaluation(network), torch.no_grad():
        ShapeProp(twin).propagate(example_input)
    return _Walk(twin).units()


@final
class _Walk:
    """Through the calls in order, with the unit of each channel of each tensor met."""

    def __init__(self, twin: fx.GraphModule) -> None:
        self.twin = twin
        self.numbers = UnitNumbers()
        self.of: dict[fx.Node, Tensor] = {}
        self.made: dict[str, Tensor] = {}
        self.read: dict[str, Tensor] = {}
        self.followed: dict[str, Tensor] = {}

    def units(self) -> ChannelUnits:
        for node in self.twin.graph.nodes:
            units = self._step(node)
            if units is not None:
                self.of[node] = units
        roots, fixed = self.numbers.compact()
        made, read, followed = (
            {name: roots[units] for name, units in table.items()}
            for table in (self.made, self.read, self.followed)
        )
        return ChannelUnits(made, read, followed, fixed)

    def _step(self, node: fx.Node) -> Tensor | None:
        """Units of the channels of what a node gives; None where that is no tensor with channels."""
        shape = _shape(node)
        layer = called(self.twin, node)
        source = self.of.get(node.args[0]) if node.args and isinstance(node.args[0], fx.Node) else None
        if source is not None and shape is not None and layer is not None:
            if type(layer) in CONVOLUTIONS or (type(layer) is nn.Linear and len(shape) == 2):
                return self._layer(str(node.target), layer, source)
            if type(layer) in FOLLOWERS:
                return self._follow(str(node.target), layer, source)
        kind = call_of(node, layer)
        if kind is Call.SIZE:
            return None
        operands = [self.of[each] for each in node.all_input_nodes if each in self.of]
        if shape is not None and len(shape) > 1 and operands:
            known = self._known(kind, node, operands, shape[1])
            if known is not None:
                return known
        for units in operands:
            self.numbers.fix(units)
        return None if shape is None or len(shape) < 2 else self.numbers.new(shape[1], fixed=True)

    def _known(self, kind: Call, node: fx.Node, operands: list[Tensor], channels: int) -> Tensor | None:
        first = operands[0]
        shapes = [_shape(each) or () for each in (node, *node.all_input_nodes)]
        if kind is Call.EACH_CHANNEL and len(first) == channels:
            return first
        if kind is Call.TOGETHER and len(operands) == 2 and len({len(shape) for shape in shapes}) == 1:
            return self._together(operands[0], operands[1])
        if kind is Call.JOINED and sum(map(len, operands)) == channels:
            joined: Any = node.args[0]
            return torch.cat([self.of[each] for each in joined])
        if kind is Call.FLATTENED and shapes[0][:1] == shapes[1][:1]:
            return first.repeat_interleave(channels // len(first))
        return None

    def _together(self, one: Tensor, other: Tensor) -> Tensor:
        """A sum or product; a single channel is one for all, and stays."""
        if len(one) == len(other):
            self.numbers.tie(one, other)
            return one
        narrow, wide = sorted((one, other), key=len)
        self.numbers.fix(narrow)
        return wide

    def _layer(self, name: str, layer: Any, source: Tensor) -> Tensor:
        groups = getattr(layer, "groups", 1)
        self._agree(self.read, name, source)
        if name not in self.made:
            self.made[name] = self.numbers.new(layer.weight.shape[0])
        made = self.made[name]
        if groups == 1:
            return made
        if len(source) == groups:  # depthwise: outputs go with their one input
            self.numbers.tie(made, source.repeat_interleave(len(made) // groups))
            return made
        for units in (source, made):
            rows = units.reshape(groups, -1)
            self.numbers.tie(rows[1:].flatten(), rows[:1].expand_as(rows[1:]).flatten())
        return made

    def _follow(self, name: str, layer: Any, source: Tensor) -> Tensor:
        if type(layer) is not nn.PReLU or layer.num_parameters > 1:
            self._agree(self.followed, name, source)
        return source

    def _agree(self, table: dict[str, Tensor], name: str, units: Tensor) -> None:
        """A layer that is called again reads the same units."""
        if name in table:
            self.numbers.tie(table[name], units)
        table[name] = units


def _shape(node: fx.Node) -> tuple[int, ...] | None:
    found = node.meta.get("tensor_meta")
    return tuple(found.shape) if found is not None and hasattr(found, "shape") else None


def require_channels_left(units: ChannelUnits, kept: Tensor) -> None:
    """Raise unless kept (units,) holds on to what is fixed and leaves each layer a channel."""
    if kept.dtype != torch.bool or kept.shape != units.fixed.shape:
        raise ShapeError(
            f"expected kept as {units.count} truth values, one for each unit, got {kept.dtype} "
            f"{tuple(kept.shape)}"
        )
    if (units.fixed & ~kept).any():
        lost = (units.fixed & ~kept).nonzero().flatten().tolist()
        raise ArgumentError(f"expected fixed units to be kept, got {lost} to remove; choose among the others")
    for name, made in units.made.items():
        if not kept[made].any():
            raise ArgumentError(f"expected a channel or more left in {name!r}, got none; keep one of {made}")
