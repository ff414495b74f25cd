"""Networks in stages: each makes the grid coarser, then refines it by blocks that keep its shape."""

from collections.abc import Iterable, Iterator, Sequence

from torch import Tensor, nn


class StagedNetwork(nn.Module):
    """Abstract. Stages one after the other, and a head.  Shapes: x (B, C, H, W) -> logits (B, classes)."""

    def __init__(self, stages: Iterable[Iterable[nn.Module]], head: nn.Module) -> None:
        super().__init__()
        self.stages = nn.ModuleList(nn.Sequential(*layers) for layers in stages)
        self.head = head

    def features(self, x: Tensor) -> list[Tensor]:
        """What each stage gives, the finest grid first: for a detector or a decoder."""
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found

    def forward(self, x: Tensor) -> Tensor:
        for stage in self.stages:
            x = stage(x)
        logits: Tensor = self.head(x)
        return logits


def drop_path_rates(drop_path: float, depths: Sequence[int]) -> Iterator[list[float]]:
    """For each stage its blocks' rates: from 0 at the first block of all to drop_path at the last."""
    count, start = sum(depths), 0
    for depth in depths:
        yield [drop_path * block / max(count - 1, 1) for block in range(start, start + depth)]
        start += depth
