"""Values inside a traced network."""

from collections.abc import Collection
from typing import Any, final

import torch
from torch import Tensor, fx


def node_values(twin: fx.GraphModule, x: Tensor, wanted: Collection[fx.Node]) -> dict[fx.Node, Tensor]:
    """Those of some nodes of the twin's graph, by the nodes that were asked for (of any equal graph)."""
    names = {node.name: node for node in wanted}
    recorder = _Recorder(twin, names)
    recorder.run(x)
    return recorder.values


@final
class _Recorder(fx.Interpreter):
    def __init__(self, twin: fx.GraphModule, names: dict[str, fx.Node]) -> None:
        super().__init__(twin)
        self.names = names
        self.values: dict[fx.Node, torch.Tensor] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n.name in self.names:
            self.values[self.names[n.name]] = value.detach().clone()
        return value
