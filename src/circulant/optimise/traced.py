"""The calls of a network in order, as torch.fx records them."""

from typing import Any, final

from torch import fx, nn

from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator
from circulant.models.global_response_norm import GlobalResponseNorm
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d
from circulant.optimise.freeze_long_convs import FrozenKernel
from circulant.optimise.replace_with_fft import PlannedConv
from circulant.optimise.tune_mode_conv_bn import NORMS

# nothing inside is recorded
LEAVES = (Operator, DepthwiseConv2d, GlobalResponseNorm, PlannedConv, FrozenKernel, *NORMS)


@final
class Calls(fx.Tracer):
    """Looks into everything but torch's own layers, batch norms of others and operators."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, LEAVES) or super().is_leaf_module(m, module_qualified_name)


def traced(network: nn.Module) -> fx.GraphModule:
    """A recorded twin that shares the network's modules, parameters and mode."""
    try:
        graph = Calls().trace(network)
    except (fx.proxy.TraceError, TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(
            f"expected a network that torch.fx can trace, got {type(network).__name__}, which it cannot: "
            f"{error}; hand in the parts that it can"
        ) from error
    return fx.GraphModule(network, graph)


def called(twin: fx.GraphModule, node: Any) -> nn.Module | None:
    """The module that a node calls; None for anything else."""
    if not isinstance(node, fx.Node) or node.op != "call_module":
        return None
    return twin.get_submodule(str(node.target))


def put(twin: fx.GraphModule, node: fx.Node, module: nn.Module | None) -> None:
    """In the place of the module that a node calls."""
    parent, _, name = str(node.target).rpartition(".")
    setattr(twin.get_submodule(parent), name, module)


def behind_identities(twin: fx.GraphModule, node: Any) -> Any:
    """What hands its value on to the one reader of this node."""
    while type(called(twin, node)) is nn.Identity and len(node.users) == 1:
        node = node.all_input_nodes[0]
    return node
