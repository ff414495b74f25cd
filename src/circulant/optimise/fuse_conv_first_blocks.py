"""Residual blocks that convolve first, found in a model and run in one pass over tiles.

Looked for: x + project(activation(expand(conv(x)))), each of the three with a batch norm or without.
"""

import operator
from collections.abc import Iterator
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from circulant.operators.spatial.fused_conv_first_block import FusedConvFirstBlock
from circulant.optimise.example import Example
from circulant.optimise.replaced import replace
from circulant.optimise.rewrite_pass import Changed, Refused
from circulant.optimise.traceable_parts import traceable_parts
from circulant.optimise.traced import behind_identities, called
from circulant.optimise.tune_mode_conv_bn import can_fold
from circulant.problems.conv_first_block import BlockActivation

LAYERS = {nn.SiLU: BlockActivation.SILU, nn.ReLU: BlockActivation.RELU, nn.ReLU6: BlockActivation.RELU6}
FUNCTIONS: dict[Any, BlockActivation] = {
    F.silu: BlockActivation.SILU,
    F.relu: BlockActivation.RELU,
    torch.relu: BlockActivation.RELU,
    F.relu6: BlockActivation.RELU6,
}
SUMS = (operator.add, operator.iadd, torch.add)


def fuse_conv_first_blocks(model: nn.Module, example: Example) -> Changed | Refused:
    parts = traceable_parts(model)
    substitutes: dict[nn.Module, nn.Module] = {}
    count = 0
    for part in parts.found:
        fused = sum(_fused(part.twin, node) for node in list(part.twin.graph.nodes))
        if fused:
            part.twin.graph.lint()
            substitutes[part.module] = fx.GraphModule(part.twin, part.twin.graph, type(part.module).__name__)
            count += fused
    if count == 0:
        return Refused(parts.without("no block of the form x + project(activation(expand(conv(x))))"))
    return Changed(replace(model, lambda _, module: substitutes.get(module)).module, f"fused {count} blocks")


def _fused(twin: fx.GraphModule, node: fx.Node) -> bool:
    """Puts the block in the place of a sum, if it is the end of one."""
    for x, last in _summands(node):
        block = _block(twin, x, last)
        if block is not None:
            name = f"fused_{node.name}"
            twin.add_submodule(name, block)
            with twin.graph.inserting_before(node):
                node.replace_all_uses_with(twin.graph.call_module(name, (x,)))
            twin.graph.erase_node(node)
            _erase_chain(twin.graph, last)
            return True
    return False


def _erase_chain(graph: fx.Graph, node: fx.Node) -> None:
    """What nobody reads any more, and nothing else: other calls may write in place."""
    while not node.users:
        before = node.all_input_nodes[0]
        graph.erase_node(node)
        node = before


def _summands(node: fx.Node) -> Iterator[tuple[fx.Node, fx.Node]]:
    both = [each for each in node.args if isinstance(each, fx.Node)]
    if node.target in SUMS and len(node.args) == len(both) == 2 and not node.kwargs:
        yield both[0], both[1]
        yield both[1], both[0]


def _block(twin: fx.GraphModule, x: fx.Node, last: fx.Node) -> FusedConvFirstBlock | None:
    """From the end to the beginning; each step is read by the next alone."""
    project, project_norm, before = _conv_and_norm(twin, last)
    activation = _activation(twin, before)
    if project is None or activation is None or before is None or len(before.users) != 1:
        return None
    expand, expand_norm, middle = _conv_and_norm(twin, before.all_input_nodes[0])
    conv, conv_norm, start = _conv_and_norm(twin, middle)
    if expand is None or conv is None or start is not behind_identities(twin, x):
        return None
    if not _fits(conv, expand, project):
        return None
    return FusedConvFirstBlock.from_layers(
        conv, conv_norm, expand, expand_norm, project, project_norm, activation=activation
    ).eval()


def _conv_and_norm(twin: fx.GraphModule, node: Any) -> tuple[Any, Any, Any]:
    """A convolution, its norm (one that does nothing where there is none) and what it reads, or None."""
    node = behind_identities(twin, node)
    layer: Any = called(twin, node)
    norm = None
    if type(layer) is nn.BatchNorm2d and not layer.training and len(node.users) == 1:
        norm, node = layer, behind_identities(twin, node.all_input_nodes[0])
        layer = called(twin, node)
    if type(layer) is not nn.Conv2d or len(node.users) != 1 or layer.training:
        return None, None, None
    if norm is None:
        norm = nn.BatchNorm2d(layer.out_channels, eps=0.0, affine=True).to(layer.weight).eval()
    if not can_fold(layer, norm):
        return None, None, None
    return layer, norm, behind_identities(twin, node.all_input_nodes[0])


def _activation(twin: fx.GraphModule, node: Any) -> BlockActivation | None:
    if not isinstance(node, fx.Node):
        return None
    if node.op == "call_function":
        return FUNCTIONS.get(node.target)
    return LAYERS.get(type(called(twin, node)))  # type: ignore[arg-type]  # of other layers there is none


def _fits(conv: Any, expand: Any, project: Any) -> bool:
    C, K = conv.in_channels, conv.kernel_size[0]
    plain = all(
        each.stride == (1, 1) and each.dilation == (1, 1) and each.padding_mode == "zeros"
        for each in (conv, expand, project)
    )
    pointwise = all(
        each.kernel_size == (1, 1) and each.groups == 1 and each.padding == (0, 0)
        for each in (expand, project)
    )
    square = conv.kernel_size == (K, K) and K % 2 == 1 and conv.padding in ((K // 2, K // 2), "same")
    channels = conv.out_channels == C == expand.in_channels == project.out_channels
    widths = expand.out_channels % C == 0 and project.in_channels == expand.out_channels
    return plain and pointwise and square and channels and widths
