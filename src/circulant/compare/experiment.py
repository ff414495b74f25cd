"""What all trials of a comparison share, and which trial is which."""

from dataclasses import dataclass, field
from typing import final

from circulant.compare.records import CONTROL, Backbone, Budget, BudgetUnit
from circulant.core.sizes import Shape
from circulant.data.dataset import Dataset
from circulant.models import backbone
from circulant.models.backbone import Design, no_operator, stem_stride
from circulant.models.find import find_mixer
from circulant.models.mixer import Build
from circulant.train.allowance import Allowance, Epochs, Seconds
from circulant.train.recipe import Recipe

ALLOWANCES: dict[BudgetUnit, type[Epochs] | type[Seconds]] = {
    BudgetUnit.EPOCHS: Epochs,
    BudgetUnit.SECONDS: Seconds,
}


@final
@dataclass(frozen=True, slots=True)
class TrialSpec:
    """One operator with one seed, not yet run."""

    operator: str
    seed: int


@final
@dataclass(frozen=True, slots=True, eq=False)
class Experiment:
    """Sent once to every worker."""

    dataset: Dataset
    budget: Budget
    design: Design = field(default_factory=Design)
    recipe: Recipe = field(default_factory=Recipe)

    @property
    def allowance(self) -> Allowance:
        return ALLOWANCES[self.budget.unit](self.budget.amount)

    @property
    def batch(self) -> int:
        return self.recipe.batch_for(len(self.dataset.train))

    def network(self, spec: TrialSpec) -> backbone.Backbone:
        """The untrained network of a trial."""
        return backbone.Backbone(
            self.dataset.shape, len(self.dataset.classes), build_of(spec.operator), spec.seed, self.design
        )

    def describe(self) -> Backbone:
        widths = ", ".join(str(stage.width) for stage in self.design.stages)
        stride = stem_stride(self.dataset.spatial)
        sentence = (
            f"{_patches(stride, self.dataset.spatial)}, then {self.design.depth} residual blocks "
            f"in {len(self.design.stages)} stages of {widths} channels, each stage on a grid half as fine; "
            "every block holds batch norm, the operator, and a two-layer MLP on channels; "
            "a linear layer on the mean over positions gives the classes."
        )
        return Backbone(sentence, self.design.width, self.design.depth, self.batch, str(self.recipe))


def build_of(operator: str) -> Build:
    return no_operator if operator == CONTROL else find_mixer(operator).fitted


def _patches(stride: int, spatial: Shape) -> str:
    if len(spatial) == 1:
        return f"Patches of {stride} samples"
    return f"Patches of {stride} × {stride} pixels"
