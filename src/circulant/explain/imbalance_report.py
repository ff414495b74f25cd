"""How well each class is found, where some classes have few examples: what plain accuracy hides."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from circulant.core.errors import ArgumentError, ShapeError
from circulant.data.installed import require


@final
@dataclass(frozen=True, slots=True)
class ClassReport:
    """Of one class: examples of it, and shares from 0 to 1."""

    examples: int
    recall: float  # of its examples, those found
    precision: float  # of those that were taken for it, those that are
    f1: float


@final
@dataclass(frozen=True, slots=True)
class ImbalanceReport:
    """imbalance: examples of the largest class for one of the smallest."""

    classes: dict[int, ClassReport]
    accuracy: float
    balanced_accuracy: float  # mean recall of the classes that occur
    macro_f1: float  # mean F1 of the same
    imbalance: float

    def __str__(self) -> str:
        title = (
            f"balanced accuracy {self.balanced_accuracy:.3f}, accuracy {self.accuracy:.3f}, "
            f"macro F1 {self.macro_f1:.3f}, {self.imbalance:.3g}:1"
        )
        rows = (
            f"  {label}: {each.examples} examples, recall {each.recall:.3f}, precision {each.precision:.3f}"
            for label, each in self.classes.items()
        )
        return "\n".join([title, *rows])


def imbalance_report(logits: Tensor, classes: Tensor) -> ImbalanceReport:
    """Of logits (B, classes) for the true classes (B,). Needs scikit-learn. Precision of nothing is 0."""
    if logits.ndim != 2 or classes.shape != logits.shape[:1]:
        raise ShapeError(
            f"expected logits (B, classes) and classes (B,), got {tuple(logits.shape)} and "
            f"{tuple(classes.shape)}"
        )
    if len(classes) == 0:
        raise ArgumentError("expected an example or more, got none; nothing can be said of no example")
    require("sklearn", "data")
    from sklearn.metrics import precision_recall_fscore_support

    truth, found = classes.cpu().numpy(), logits.argmax(1).cpu().numpy()
    present, counts = np.unique(truth, return_counts=True)
    precision, recall, f1, _ = precision_recall_fscore_support(truth, found, labels=present, zero_division=0)
    table = {
        int(label): ClassReport(int(n), float(r), float(p), float(f))
        for label, n, r, p, f in zip(present, counts, recall, precision, f1)
    }
    return ImbalanceReport(
        table, float((truth == found).mean()), _mean(recall), _mean(f1), float(counts.max() / counts.min())
    )


def _mean(values: NDArray[np.float64]) -> float:
    return float(np.mean(values))
