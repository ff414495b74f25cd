"""The training loop."""

from dataclasses import dataclass
from math import isfinite
from statistics import fmean
from time import perf_counter
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import TrainingError
from circulant.data.task import Task
from circulant.train.allowance import Allowance
from circulant.train.batches import shuffled_batches
from circulant.train.objective import OBJECTIVES, Loss, Objective, Result, evaluate
from circulant.train.recipe import Recipe
from circulant.train.tensors import Tensors

CLASSIFY = OBJECTIVES[Task.CLASSIFICATION]
EVALUATIONS = 4  # over the whole allowance, evenly; each costs a pass over the test part


@final
@dataclass(frozen=True, slots=True)
class Evaluation:
    """State of training at one moment."""

    epoch: float
    seconds: float  # of training, evaluation excluded
    train_loss: float  # mean since the last evaluation
    test_score: float


@final
@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What came out; the last evaluation is of the finished network."""

    evaluations: tuple[Evaluation, ...]
    result: Result  # of the test part
    seconds: float


@final
class Step:
    """One update of a network from one batch. The same code is trained and timed."""

    def __init__(self, network: nn.Module, recipe: Recipe, loss: Loss | None = None) -> None:
        """loss(output, y) None: cross entropy with the recipe's label smoothing."""
        self.network = network
        self.recipe = recipe
        self.loss = loss or CLASSIFY.loss(recipe)
        self.parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.AdamW(
            self.parameters,
            lr=recipe.rate(0.0),
            weight_decay=recipe.weight_decay,
            betas=(0.9, recipe.second_moment),
        )

    def __call__(self, x: Tensor, y: Tensor, used: float) -> float:
        """The loss before the update. used is the share of the allowance that is behind."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate(used)
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.loss(self.network(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, self.recipe.largest_gradient)
        self.optimiser.step()
        return loss.item()


def train(
    network: nn.Module,
    data: Tensors,
    allowance: Allowance,
    recipe: Recipe,
    seed: int,
    objective: Objective = CLASSIFY,
) -> TrainingRun:
    """Train until the allowance is used up. The seed decides the order of the examples."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # for operators that draw while training
        return _train(network, data, allowance, recipe, seed, objective)


def _train(
    network: nn.Module,
    data: Tensors,
    allowance: Allowance,
    recipe: Recipe,
    seed: int,
    objective: Objective,
) -> TrainingRun:
    step = Step(network.train(), recipe, objective.loss(recipe))
    examples = len(data.y_train)
    batch = recipe.batch_for(examples)
    epoch = seconds = used = 0.0
    losses: list[float] = []
    evaluations: list[Evaluation] = []
    for number, chosen in enumerate(shuffled_batches(examples, batch, seed), 1):
        start = perf_counter()
        losses.append(step(data.x_train[chosen], data.y_train[chosen], used))
        seconds += perf_counter() - start
        epoch = number / (examples // batch)
        _require_finite(losses[-1], epoch)
        used = allowance.used(epoch, seconds)
        if used >= 1:
            break
        if used >= (len(evaluations) + 1) / EVALUATIONS:
            result = evaluate(network, data.x_test, data.y_test, objective)
            evaluations.append(Evaluation(epoch, seconds, fmean(losses), result.score))
            losses.clear()
    result = evaluate(network, data.x_test, data.y_test, objective)
    evaluations.append(Evaluation(epoch, seconds, fmean(losses), result.score))
    return TrainingRun(tuple(evaluations), result, seconds)


def _require_finite(loss: float, epoch: float) -> None:
    if not isfinite(loss):
        raise TrainingError(
            f"training needs a finite loss, got {loss} in epoch {epoch:.2f}; "
            "the operator is unstable with this data: check its values and gradients"
        )
