"""What all trials of a comparison share, and which trial is which."""

from dataclasses import dataclass, field
from typing import final

from circulant.compare.records import Backbone, Budget, BudgetUnit
from circulant.compare.setup import SETUPS, Setup
from circulant.data.dataset import Dataset
from circulant.models.operator_network import Design, OperatorNetwork
from circulant.train.allowance import Allowance, Epochs, Seconds
from circulant.train.objective import OBJECTIVES, Objective
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

    @property
    def setup(self) -> Setup:
        return SETUPS[self.dataset.task]

    @property
    def objective(self) -> Objective:
        return OBJECTIVES[self.dataset.task]

    def network(self, spec: TrialSpec) -> OperatorNetwork:
        """The untrained network of a trial."""
        return self.setup.network(self.dataset, spec.operator, spec.seed, self.design)

    def describe(self) -> Backbone:
        setup, design = self.setup, self.design
        sentence = setup.sentence(self.dataset, design)
        return Backbone(
            sentence, design.width, design.depth, self.batch, str(self.recipe), setup.first, setup.last
        )


def experiment_for(dataset: Dataset, budget: Budget) -> Experiment:
    """With the sizes and the recipe of the data's task."""
    setup = SETUPS[dataset.task]
    return Experiment(dataset, budget, setup.design, setup.recipe)
