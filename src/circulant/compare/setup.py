"""How each task is run: which network, in which sizes, with which recipe, and which operators fit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

from circulant.compare.records import CONTROL
from circulant.core.sizes import Shape
from circulant.data.dataset import Dataset
from circulant.data.task import Task
from circulant.models.backbone import Backbone, no_operator, stem_stride
from circulant.models.causal_backbone import CausalBackbone
from circulant.models.field_backbone import FieldBackbone, Scaling
from circulant.models.find import find_mixer
from circulant.models.mixer import Build
from circulant.models.operator_network import Design, OperatorNetwork, Stage
from circulant.train.recipe import Recipe


@final
@dataclass(frozen=True, slots=True)
class Setup:
    """One task in a comparison. What training lowers and how a result is read: train.objective."""

    network: Callable[[Dataset, str, int, Design], OperatorNetwork]  # for an operator and a seed
    sentence: Callable[[Dataset, Design], str]  # says what that network is
    require: Callable[[Dataset, str], None]  # raises unless the operator fits
    design: Design
    recipe: Recipe
    first: str  # the part before the blocks
    last: str  # and after them


def _build(operator: str) -> Build:
    return no_operator if operator == CONTROL else find_mixer(operator).fitted


def _causal_build(operator: str) -> Build:
    return no_operator if operator == CONTROL else find_mixer(operator).causally


def _require_axes(dataset: Dataset, operator: str) -> None:
    find_mixer(operator).require(len(dataset.spatial))


def _require_causal(dataset: Dataset, operator: str) -> None:
    mixer = find_mixer(operator)
    mixer.require(len(dataset.spatial))
    mixer.require_causal()


def _classifier(dataset: Dataset, operator: str, seed: int, design: Design) -> OperatorNetwork:
    return Backbone(dataset.shape, len(dataset.classes), _build(operator), seed, design)


def _language_model(dataset: Dataset, operator: str, seed: int, design: Design) -> OperatorNetwork:
    length = dataset.spatial[0]
    return CausalBackbone(len(dataset.classes), length, _causal_build(operator), seed, design)


def _field_network(dataset: Dataset, operator: str, seed: int, design: Design) -> OperatorNetwork:
    return FieldBackbone(dataset.shape, Scaling.of(dataset.train.y), _build(operator), seed, design)


def _classifier_sentence(dataset: Dataset, design: Design) -> str:
    widths = ", ".join(str(stage.width) for stage in design.stages)
    return (
        f"{_patches(stem_stride(dataset.spatial), dataset.spatial)}, then {design.depth} residual blocks "
        f"in {len(design.stages)} stages of {widths} channels, each stage on a grid half as fine; "
        "every block holds batch norm, the operator, and a two-layer MLP on channels; "
        "a linear layer on the mean over positions gives the classes."
    )


def _patches(stride: int, spatial: Shape) -> str:
    if len(spatial) == 1:
        return f"Patches of {stride} samples"
    return f"Patches of {stride} × {stride} pixels"


def _language_model_sentence(dataset: Dataset, design: Design) -> str:
    return (
        f"An embedding of the {len(dataset.classes)} characters, then {design.depth} residual blocks of "
        f"{design.width} channels on all {dataset.spatial[0]} positions; every block holds RMS norm, the "
        "operator, and a gated MLP on channels; norm and a linear layer give the next character. "
        "No position sees a later one."
    )


def _field_sentence(dataset: Dataset, design: Design) -> str:
    return (
        f"A two-layer MLP lifts the values and coordinates of each point to {design.width} channels, then "
        f"{design.depth} residual blocks work on the grid of the data; every block holds batch norm, the "
        "operator, and a two-layer MLP on channels; a last MLP gives the field, on the scale of the "
        "training part. The loss is the relative L2 error."
    )


SETUPS: Mapping[Task, Setup] = {
    Task.CLASSIFICATION: Setup(
        _classifier, _classifier_sentence, _require_axes, Design(), Recipe(), "stem", "head"
    ),
    Task.NEXT_CHARACTER: Setup(
        _language_model,
        _language_model_sentence,
        _require_causal,
        Design((Stage(64, 4),)),
        Recipe(batch=16, label_smoothing=0.0),
        "embedding",
        "head",
    ),
    Task.FIELD: Setup(
        _field_network,
        _field_sentence,
        _require_axes,
        Design((Stage(32, 4),)),
        Recipe(batch=16, label_smoothing=0.0),
        "lift",
        "projection",
    ),
}
