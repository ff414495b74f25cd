"""Everything about training that is the same for all operators."""

from dataclasses import dataclass
from math import cos, pi
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Recipe:
    """AdamW with warm-up and cosine decay. Found on MNIST-5k with convolution, attention and the control."""

    batch: int = 32
    learning_rate: float = 6e-3
    weight_decay: float = 0.05
    second_moment: float = 0.99  # Adam's beta2; 0.999 averages over more steps than a short run has
    label_smoothing: float = 0.1
    warm_up: float = 0.1  # share of the allowance
    largest_gradient: float = 1.0  # norm over all parameters; longer gradients are shortened

    def rate(self, used: float) -> float:
        """Learning rate when that share of the allowance is used up."""
        start = 0.01 * self.learning_rate
        rising = start + (self.learning_rate - start) * min(1.0, used / self.warm_up)
        return rising * 0.5 * (1 + cos(pi * min(1.0, used)))

    def batch_for(self, examples: int) -> int:
        """A small set is cut into at least four batches, of at least two for batch norm."""
        return min(self.batch, max(2, examples // 4))

    def __str__(self) -> str:
        smoothing = f"label smoothing {self.label_smoothing:g}, " if self.label_smoothing else ""
        return (
            f"AdamW, learning rate {self.learning_rate:g} with {self.warm_up:.0%} warm-up and cosine decay, "
            f"weight decay {self.weight_decay:g}, {smoothing}"
            f"gradients clipped at norm {self.largest_gradient:g}"
        )
