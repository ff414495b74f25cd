"""A number of updates with any loss: for tasks that are not classification."""

import torch
from torch import Tensor, nn

from circulant.train.batches import shuffled_batches
from circulant.train.loop import Step
from circulant.train.objective import Loss
from circulant.train.recipe import Recipe


def fit(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    steps: int,
    loss: Loss | None = None,
    recipe: Recipe | None = None,
    seed: int = 0,
) -> list[float]:
    """Losses before each of the updates, on batches of x (N, ...) and y (N, ...) in an order drawn by seed.

    loss None is cross entropy with the recipe's label smoothing. The network is left in eval mode.
    """
    recipe = Recipe() if recipe is None else recipe
    losses = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        step = Step(network.train(), recipe, loss)
        batches = shuffled_batches(len(x), recipe.batch_for(len(x)), seed)
        for number, chosen in zip(range(steps), batches):
            losses.append(step(x[chosen], y[chosen], number / steps))
    network.eval()
    return losses
