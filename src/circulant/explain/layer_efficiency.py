"""Where the time of a network goes: of each layer and block the ideal, the waterline, and what was measured.

    ideal seconds = operations / peak,   waterline = sum over layers of max(operations / peak, bytes / rate)

and measured seconds lie above both. What lies between ideal and waterline waits for memory, and goes away
only with the bytes, as when layers are fused; what lies above the waterline is left to the kernels.

The machine's limits come from its calibration: the peak is the fastest arithmetic that any implementation
showed, a layer's rate the fastest of the memories that hold what it moves. Operations are those of
torch.utils.flop_counter, bytes the operands, results and parameters of a layer, each moved once. Arithmetic
between the layers, such as the sum of a residual, has no layer: it is in the time of its block, and not in
the waterline, which stays below.

Lavin, 2024, On the Efficiency of Convolutional Neural Networks, https://arxiv.org/abs/2404.03617.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.cost import ZERO_COST, Cost
from circulant.core.errors import ArgumentError
from circulant.core.hooks import watching
from circulant.engine.machine import Machine, default_machine
from circulant.explain.waterline import EfficiencyGap, Kernel, Peak, efficiency_gap, waterline
from circulant.report.efficiency_bars import EfficiencyBar, efficiency_bars
from circulant.report.fragment import standalone

Clock = Callable[[], float]


@final
@dataclass(frozen=True, slots=True)
class ModuleEfficiency:
    """One layer, or one block with all that ran in it."""

    name: str
    is_layer: bool  # no other module ran in it
    cost: Cost
    bound_seconds: float  # its waterline
    gap: EfficiencyGap

    @property
    def waiting_seconds(self) -> float:
        """What even ideal kernels wait for memory, if each layer has its own."""
        return self.bound_seconds - self.gap.ideal_seconds


@final
@dataclass(frozen=True, slots=True)
class NetworkEfficiency:
    """Every module that ran, in the order of the calls, the network itself first by the name ''."""

    modules: tuple[ModuleEfficiency, ...]

    @property
    def whole(self) -> ModuleEfficiency:
        return self.modules[0]

    @property
    def layers(self) -> tuple[ModuleEfficiency, ...]:
        return tuple(one for one in self.modules if one.is_layer)

    def at_depth(self, depth: int) -> tuple[ModuleEfficiency, ...]:
        """Modules so many steps below the network, and layers that end before."""
        return tuple(
            one
            for one in self.modules
            if one.name and (_depth(one.name) == depth or (one.is_layer and _depth(one.name) < depth))
        )

    def plot(self, depth: int | None = None) -> str:
        """A stand-alone SVG picture of every layer, or of the blocks at that depth."""
        chosen = self.layers if depth is None else self.at_depth(depth)
        if not chosen:
            raise ArgumentError(f"expected a depth at which modules ran, got {depth}; 1 is the children")
        bars = [
            EfficiencyBar(one.name or "network", one.gap.ideal_seconds, one.bound_seconds, one.gap.seconds)
            for one in chosen
        ]
        return standalone(efficiency_bars(bars, "Time of each module against its waterline"))


def _depth(name: str) -> int:
    return name.count(".") + 1


def network_efficiency(
    network: nn.Module,
    x: Tensor,
    machine: Machine | None = None,
    *,
    repeats: int = 5,
    clock: Clock = perf_counter,
) -> NetworkEfficiency:
    """Of every module of the network on x, without gradients: operations, bytes, waterline, seconds.

    machine None is what was calibrated for the device of x. Times are those of the fastest of repeats
    passes, after one that is not timed.
    """
    if repeats < 1:
        raise ArgumentError(f"expected repeats of 1 or more, got {repeats}; 5 is usual")
    machine = default_machine(x.device.type) if machine is None else machine
    with torch.no_grad():
        costs = _counted(network, x)
        passes = [_timed(network, x, clock) for _ in range(repeats)]
    seconds = min(passes, key=lambda one: one[""])
    bounds = {
        name: _bound_seconds(cost, machine)
        for name, cost in costs.items()
        if not any(one != name and _lies_in(one, name) for one in costs)
    }
    return NetworkEfficiency(tuple(_module(name, costs, bounds, seconds[name], machine) for name in seconds))


def peak_of(machine: Machine, byte: float) -> Peak:
    """The limits for a kernel that moves so many bytes: what nothing that was calibrated went beyond."""
    fastest = min(cost.seconds_per_flop for cost in machine.costs.values() if cost.seconds_per_flop > 0)
    rates = [rate for most, rate in machine.byte_per_s if most is None or byte <= most]
    return Peak(1 / fastest, max(rates))


def _lies_in(name: str, module: str) -> bool:
    return not module or name == module or name.startswith(f"{module}.")


def _module(
    name: str, costs: dict[str, Cost], bounds: dict[str, float], seconds: float, machine: Machine
) -> ModuleEfficiency:
    """bounds: of the layers alone. Bytes of a block are those of its layers, the operations all that ran."""
    inside = [layer for layer in bounds if _lies_in(layer, name)]
    cost = Cost(costs[name].flop, sum(costs[layer].byte for layer in inside))
    gap = efficiency_gap(cost.flop, seconds, peak_of(machine, cost.byte))
    return ModuleEfficiency(name, name in bounds, cost, sum(bounds[layer] for layer in inside), gap)


def _bound_seconds(cost: Cost, machine: Machine) -> float:
    if cost.byte == 0:
        return 0.0
    return waterline((Kernel("layer", cost),), peak_of(machine, cost.byte)).total_seconds


def _counted(network: nn.Module, x: Tensor) -> dict[str, Cost]:
    """Operations and bytes of every call, added up by module."""
    costs: dict[str, Cost] = {}
    begun: list[int] = []
    counter = FlopCounterMode(display=False)

    def before(name: str, module: nn.Module, inputs: Any) -> None:
        begun.append(counter.get_total_flops())

    def after(name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        flop = counter.get_total_flops() - begun.pop()
        own = Cost(float(flop), _moved_byte(module, inputs, output))
        costs[name] = costs.get(name, ZERO_COST) + own

    with watching(dict(network.named_modules()), after, before), counter:
        network(x)
    return costs


def _timed(network: nn.Module, x: Tensor, clock: Clock) -> dict[str, float]:
    """Seconds of every module in one pass, in the order in which they begin."""
    seconds: dict[str, float] = {}
    begun: list[float] = []

    def now() -> float:
        if x.is_cuda:
            torch.cuda.synchronize(x.device)
        return clock()

    def before(name: str, module: nn.Module, inputs: Any) -> None:
        seconds.setdefault(name, 0.0)
        begun.append(now())

    def after(name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        seconds[name] += now() - begun.pop()

    with watching(dict(network.named_modules()), after, before):
        network(x)
    return seconds


def _moved_byte(module: nn.Module, inputs: Any, output: Any) -> float:
    """0 where the output lies in the memory of the input: a view, or changed in place."""
    read, written = list(_tensors(inputs)), list(_tensors(output))
    places = {one.untyped_storage().data_ptr() for one in read}
    if all(one.untyped_storage().data_ptr() in places for one in written):
        return 0.0
    moved = [*read, *written, *module.parameters(recurse=True)]
    return float(sum(one.numel() * one.element_size() for one in moved))


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _tensors(one)
