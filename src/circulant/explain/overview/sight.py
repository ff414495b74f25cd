"""What a network sees: receptive fields, maps of importance, its linear system at one input."""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.evaluation import in_evaluation
from circulant.explain.class_maps import grad_cam
from circulant.explain.eigen_cam import eigen_cam, eigen_map, scaled
from circulant.explain.gradient_maps import gradient_times_input, integrated_gradients
from circulant.explain.linear_interpreter import interpreter_rows, linear_interpreter
from circulant.explain.overview.layers import CONVOLVING, LayerCall, UpTo, layer_calls, spread
from circulant.explain.receptive_field import ReceptiveField, effective_receptive_field
from circulant.explain.saliency_maps import SaliencyMaps

DRAWN = 6  # layers, evenly over the depth
FEW = 4  # examples that receptive fields and responses are averaged over
SHOWN = 3  # examples with maps
STEPS = 50  # of integrated gradients


@final
@dataclass(frozen=True, slots=True)
class LayerField:
    """Which inputs of the network move the centre of what a layer gives."""

    name: str
    field: ReceptiveField


@final
@dataclass(frozen=True, slots=True)
class Fields:
    """Some layers, evenly over the depth, in the order in which they run; layer_count is that of all."""

    layers: tuple[LayerField, ...]
    layer_count: int

    def numbers(self) -> dict[str, Any]:
        return {
            "layer_count": self.layer_count,
            "layers": [
                {
                    "name": one.name,
                    "half_side": one.field.half_side,
                    "even_half_side": one.field.even_half_side,
                }
                for one in self.layers
            ],
        }


@final
@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """Maps of the first examples for the classes that the network decides for; of a series (B, 1, L)."""

    layer: str | None  # that Eigen-CAM and Grad-CAM look at; None: there is no such layer, nor their maps
    methods: tuple[SaliencyMaps, ...]
    targets: Tensor  # (B,)
    shares: Tensor  # (B,): softmax of the decision

    def numbers(self) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "targets": self.targets.tolist(),
            "shares": self.shares.tolist(),
            "methods": [{"method": one.method, "peaks": one.peaks.tolist()} for one in self.methods],
        }


@final
@dataclass(frozen=True, slots=True, eq=False)
class Interpreted:
    """The affine system y = W x + b that the network is for the first example."""

    bias_share: float
    target: int  # place in the flattened output whose row is given: the largest output
    row: Tensor  # like one example

    def numbers(self) -> dict[str, Any]:
        return {"bias_share": self.bias_share, "target": self.target, "row_norm": float(self.row.norm())}


@final
class SeriesAsPictures(nn.Module):
    """A network of series (B, C, L) that reads pictures one sample high, (B, C, 1, L)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Any:
        return self.network(x[:, :, 0])


def fields(network: nn.Module, x: Tensor) -> Fields:
    calls = spatial_calls(network, x[:1], CONVOLVING)
    if not calls:
        raise ArgumentError("expected convolutions that keep the grid of the input, found none that ran")
    found = []
    for call in spread(calls, DRAWN):
        with in_evaluation(network):
            part = UpTo(network, call.name).eval()
            found.append(LayerField(call.name, effective_receptive_field(part, x[:FEW])))
    return Fields(tuple(found), len(calls))


def spatial_calls(network: nn.Module, x: Tensor, kinds: tuple[type[nn.Module], ...]) -> list[LayerCall]:
    """Layers whose output has the axes of x, (B, C, *spatial)."""
    require_grid(x)
    return [call for call in layer_calls(network, x, kinds) if call.gave.ndim == x.ndim]


def require_grid(x: Tensor) -> None:
    if x.ndim not in (3, 4) or not x.is_floating_point():
        raise ShapeError(
            f"expected series (B, C, L) or pictures (B, C, H, W) of real numbers, got {tuple(x.shape)} of "
            f"{x.dtype}"
        )


def maps(network: nn.Module, x: Tensor) -> Maps:
    """Eigen-CAM and Grad-CAM (pictures only) where there is a convolution; gradient x input, integrated."""
    require_grid(x)
    x = x[:SHOWN]
    with in_evaluation(network), torch.no_grad():
        logits = network(x)
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        raise ShapeError("expected a classifier that gives logits (B, classes), got another output")
    targets = logits.argmax(1)
    layer = _last_features(network, x)
    by_features = [] if layer is None else _feature_maps(network, x, layer, targets)
    reader, pictures = (network, x) if x.ndim == 4 else (SeriesAsPictures(network), x[:, :, None])
    by_gradients = (
        gradient_times_input(reader, pictures, targets),
        integrated_gradients(reader, pictures, targets, steps=STEPS),
    )
    shares = logits.softmax(1).gather(1, targets[:, None])[:, 0]
    return Maps(None if layer is None else layer.name, (*by_features, *by_gradients), targets, shares)


def _last_features(network: nn.Module, x: Tensor) -> LayerCall | None:
    """What the last convolution over several positions gives once norms, sums and activations are behind it.

    That is the last module that runs once and gives features of the same sizes: those of the convolution
    itself may be negative all over, where Eigen-CAM has nothing to show.
    """
    convolutions = [c for c in spatial_calls(network, x, CONVOLVING) if c.gave[0, 0].numel() > 1]
    if not convolutions:
        return None
    same = [c for c in layer_calls(network, x, (nn.Module,)) if c.gave.shape == convolutions[-1].gave.shape]
    return next((c for c in reversed(same) if c.runs == 1), None)


def _feature_maps(network: nn.Module, x: Tensor, layer: LayerCall, targets: Tensor) -> list[SaliencyMaps]:
    if x.ndim == 3:
        return [_series_eigen_cam(layer, x)]
    return [eigen_cam(network, x, [layer.module]), grad_cam(network, x, layer.module, targets)]


def _series_eigen_cam(layer: LayerCall, x: Tensor) -> SaliencyMaps:
    """As `eigen_cam`, along one axis."""
    found = scaled(eigen_map(layer.gave).relu(), x.shape[2:])
    return SaliencyMaps("Eigen-CAM", x[:, :, None], found[:, None])


def interpreted(network: nn.Module, x: Tensor) -> Interpreted:
    interpreter = linear_interpreter(network, x[:1])
    target = int(interpreter.output.argmax())
    row = interpreter_rows(interpreter, torch.tensor([target]))[0]
    return Interpreted(interpreter.bias_share, target, row)
