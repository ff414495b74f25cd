"""How well a network uses the machine: each module's time against what its operations and bytes allow."""

from dataclasses import dataclass
from typing import Any, final

from torch import Tensor, nn

from circulant.core.evaluation import in_evaluation
from circulant.engine.machine import own_machines_path
from circulant.explain.layer_efficiency import ModuleEfficiency, NetworkEfficiency, network_efficiency


@final
@dataclass(frozen=True, slots=True)
class Efficiency:
    """Of one forward pass over all examples at once."""

    found: NetworkEfficiency
    batch: int
    is_calibrated_here: bool  # else the limits are those of the machine that came with the package

    def numbers(self) -> dict[str, Any]:
        return {
            "batch": self.batch,
            "is_calibrated_here": self.is_calibrated_here,
            "modules": [_module_numbers(one) for one in self.found.modules],
        }


def efficiency(network: nn.Module, x: Tensor) -> Efficiency:
    with in_evaluation(network):
        found = network_efficiency(network, x)
    return Efficiency(found, len(x), own_machines_path().exists())


def _module_numbers(one: ModuleEfficiency) -> dict[str, Any]:
    return {
        "name": one.name,
        "is_layer": one.is_layer,
        "flop": one.cost.flop,
        "byte": one.cost.byte,
        "seconds": one.gap.seconds,
        "bound_seconds": one.bound_seconds,
        "ideal_seconds": one.gap.ideal_seconds,
        "efficiency": one.gap.efficiency,
    }
