"""A head with two opinions: one to learn from the labels, one from a teacher."""

from typing import final

from torch import Tensor, nn

FIRST_SPREAD = 0.02


@final
class DistilledHead(nn.Module):
    """The mean of two linear maps, each of the batch-normed mean over positions.

    Shapes: x (B, C, *spatial) -> logits (B, classes).
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.student = _classifier(channels, classes)
        self.follower = _classifier(channels, classes)

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits to compare with the labels, and logits to compare with the teacher's."""
        features = x.flatten(2).mean(-1)
        return self.student(features), self.follower(features)

    def forward(self, x: Tensor) -> Tensor:
        student, follower = self.both(x)
        return (student + follower) / 2


def _classifier(channels: int, classes: int) -> nn.Sequential:
    linear = nn.Linear(channels, classes)
    nn.init.trunc_normal_(linear.weight, std=FIRST_SPREAD)
    nn.init.zeros_(linear.bias)
    return nn.Sequential(nn.BatchNorm1d(channels), linear)
