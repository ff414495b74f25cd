"""Experiments that take a moment: striped pictures, a small network, and operators that fail on purpose."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from circulant.compare.experiment import Experiment
from circulant.compare.records import Budget, BudgetUnit, Settings
from circulant.data.labelled import Labelled, split_dataset
from circulant.models.operator_network import Design, Stage
from circulant.train.recipe import Recipe

OPERATORS = ("Conv", "DepthwiseConv")
DESIGN = Design((Stage(4, 1), Stage(8, 1)))


def stripes(count=60, side=8, seed=0):
    """Upright or level, at a random phase, with noise: neighbours tell them apart, single pixels do not."""
    random = np.random.default_rng(seed)
    upright = np.arange(count) % 2 == 0
    phase = random.integers(0, 2, count)
    rows, columns = np.indices((side, side))
    axis = np.where(upright[:, None, None], columns, rows)
    x = (axis + phase[:, None, None]) % 2 + 0.3 * random.normal(size=(count, side, side))
    names = ["upright" if one else "level" for one in upright]
    return split_dataset("stripes", "Drawn.", Labelled(x[:, None].astype(np.float32), names), 0)


def experiment(amount=2.0, unit=BudgetUnit.EPOCHS, kind=Experiment, **more):
    return kind(stripes(), Budget(amount, unit), DESIGN, Recipe(batch=8), **more)


def settings(operators=OPERATORS, seeds=(0, 1), amount=2.0):
    return Settings("tiny", operators, seeds, Budget(amount, BudgetUnit.EPOCHS), "circulant compare")


@dataclass(frozen=True)
class Deadly(Experiment):
    """DepthwiseConv kills its process, as the system does when memory runs out, and leaves a mark."""

    marks: Path = Path()
    times: int = 1

    def network(self, spec):
        if spec.operator == "DepthwiseConv":
            died = len(list(self.marks.iterdir()))
            if died < self.times:
                (self.marks / str(died)).touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return Experiment.network(self, spec)


@dataclass(frozen=True)
class Raising(Experiment):
    """DepthwiseConv raises when it is built."""

    def network(self, spec):
        if spec.operator == "DepthwiseConv":
            raise RuntimeError("first line\nno room for the kernel")
        return Experiment.network(self, spec)


def same_result(one, other):
    """Equal in everything but the time it took."""
    points = [[(p.epoch, p.train_loss, p.test_score) for p in trial.curve] for trial in (one, other)]
    looks = [trial.sight and trial.sight.receptive_field.share.tolist() for trial in (one, other)]
    names = [(trial.operator, trial.seed, trial.predicted) for trial in (one, other)]
    return points[0] == points[1] and looks[0] == looks[1] and names[0] == names[1]
