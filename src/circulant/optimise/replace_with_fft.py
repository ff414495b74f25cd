"""Convolution layers that a plan runs faster than torch's own, replaced by layers that ask the planner."""

from collections import defaultdict
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.core.evaluation import in_evaluation
from circulant.core.hooks import has_hooks, watching
from circulant.core.sizes import Shape
from circulant.engine.choice import current
from circulant.engine.conv_settings import CONVOLUTIONS, TorchConv, settings_of
from circulant.engine.convolution import problem_for
from circulant.engine.measure import planned
from circulant.engine.plan import Candidate, Plan
from circulant.engine.planner import is_torch_library

SIZES = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups")


@final
class PlannedConv(nn.Module):
    """The convolution of a layer of torch, with its own weight and bias, run by its plan at each input.

    What is around the layer may still ask for its sizes, by torch's names.
    Shapes: x (B, I, *spatial) or (I, *spatial) -> y as from the layer.
    """

    def __init__(self, layer: TorchConv) -> None:
        super().__init__()
        self.settings = settings_of(layer)
        self.weight, self.bias = layer.weight, layer.bias
        for name in SIZES:
            setattr(self, name, getattr(layer, name))
        self.train(layer.training)

    def forward(self, x: Tensor) -> Tensor:
        return self.settings.convolve(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return str(self.settings)


@final
@dataclass(frozen=True, slots=True)
class LayerVerdict:
    """A convolution layer by its name in the module, the shapes it met, and the plan of each."""

    name: str
    shapes: tuple[Shape, ...]
    plans: tuple[Plan, ...]
    obstacle: str | None  # why the layer could not be replaced, whatever the plans

    @property
    def is_replaced(self) -> bool:
        return self.obstacle is None and any(not is_torch_library(plan.chosen) for plan in self.plans)

    @property
    def reason(self) -> str:
        if self.obstacle is not None:
            return self.obstacle
        return "; ".join(_comparison(plan) for plan in self.plans)

    def __str__(self) -> str:
        shapes = ", ".join("x".join(map(str, shape)) for shape in self.shapes)
        mark = "replaced" if self.is_replaced else "kept"
        return f"{self.name or '(itself)'}: {mark}, input {shapes or 'none'}: {self.reason}"


@final
@dataclass(frozen=True, slots=True)
class Replacement:
    """The module, changed in place unless it is itself a convolution layer, and one verdict for each layer.

    Print it to read what was replaced and why.
    """

    module: nn.Module
    verdicts: tuple[LayerVerdict, ...]

    def __str__(self) -> str:
        replaced = sum(verdict.is_replaced for verdict in self.verdicts)
        title = f"replaced {replaced} of {len(self.verdicts)} convolution layers"
        return "\n".join([title, *(f"  {verdict}" for verdict in self.verdicts)])


def replace_with_fft(module: nn.Module, example_input: Tensor, *, measure: bool = False) -> Replacement:
    """Replace each convolution layer whose plan at the example's sizes is not torch's own function.

    measure times the best plans, as `circulant.plan` does, instead of predicting them. Parameters stay
    the same objects under the same names; a replaced layer asks the planner anew at other sizes.
    """
    if not isinstance(example_input, Tensor):
        raise ArgumentError(
            f"expected example_input as the tensor that the module takes, got {type(example_input).__name__}"
        )
    inputs = _inputs_met(module, example_input)
    verdicts: list[LayerVerdict] = []
    planned_layers: dict[nn.Module, PlannedConv] = {}
    for name, layer in module.named_modules():
        if isinstance(layer, CONVOLUTIONS):
            verdict = _verdict(name, layer, inputs[layer], measure)
            verdicts.append(verdict)
            if verdict.is_replaced:
                planned_layers[layer] = PlannedConv(layer)
    for parent in list(module.modules()):
        for name, child in parent._modules.items():
            if child is not None:
                parent._modules[name] = planned_layers.get(child, child)
    return Replacement(planned_layers.get(module, module), tuple(verdicts))


def _verdict(name: str, layer: TorchConv, inputs: list[Tensor], measure: bool) -> LayerVerdict:
    """inputs: without storage."""
    shapes = tuple(dict.fromkeys(tuple(x.shape) for x in inputs))
    if (obstacle := _obstacle(layer, inputs)) is not None:
        return LayerVerdict(name, shapes, (), obstacle)
    settings, device = settings_of(layer), layer.weight.device.type
    plans = []
    for shape in shapes:
        x = torch.empty(shape, dtype=inputs[0].dtype, device="meta")
        problem = problem_for(
            x if x.ndim == settings.ndim + 2 else x[None], layer.weight.to("meta"), stride=settings.stride,
            padding=settings.padding, dilation=settings.dilation, groups=settings.groups,
            boundary=settings.boundary,
        )  # fmt: skip
        plans.append(planned(problem, current(), device, measure=measure))
    return LayerVerdict(name, shapes, tuple(plans), None)


def _obstacle(layer: TorchConv, inputs: list[Tensor]) -> str | None:
    if type(layer) not in CONVOLUTIONS:
        return f"it is a {type(layer).__name__}, which may compute something else"
    if has_hooks(layer):
        return "it has hooks, which would be lost"
    return None if inputs else "the example does not reach it"


def _comparison(plan: Plan) -> str:
    """Of the chosen implementation with torch's own."""
    own = next((c for c in plan.candidates if is_torch_library(c.implementation)), None)
    chosen = _times(plan.candidates[0])
    if own is None or own is plan.candidates[0]:
        return chosen
    return f"{chosen}, against {_times(own)}"


def _times(candidate: Candidate) -> str:
    if not candidate.is_possible:
        return f"{candidate.implementation} refused"
    known = "measured" if candidate.is_measured else "predicted"
    return f"{candidate.implementation} {candidate.seconds * 1e3:.3g} ms {known}"


def _inputs_met(module: nn.Module, example_input: Tensor) -> dict[nn.Module, list[Tensor]]:
    """What each convolution layer is given in one forward pass, without the values."""
    met: dict[nn.Module, list[Tensor]] = defaultdict(list)

    def see(name: str, layer: nn.Module, operands: tuple[Tensor, ...], output: Tensor) -> None:
        met[layer].append(operands[0].detach().to("meta"))

    layers = {name: layer for name, layer in module.named_modules() if isinstance(layer, CONVOLUTIONS)}
    with in_evaluation(module), torch.no_grad(), watching(layers, see):
        module(example_input)
    return met
