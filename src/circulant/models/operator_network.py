"""What the networks of a comparison have in common: slots for the operator, and weights that do not
depend on what stands in them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import torch
from torch import nn


@final
@dataclass(frozen=True, slots=True)
class Stage:
    """Blocks on one grid."""

    width: int
    depth: int


@final
@dataclass(frozen=True, slots=True)
class Design:
    """Sizes of a network."""

    stages: tuple[Stage, ...] = (Stage(24, 2), Stage(48, 1), Stage(96, 1))

    @property
    def width(self) -> int:
        """Channels of the first stage."""
        return self.stages[0].width

    @property
    def depth(self) -> int:
        return sum(stage.depth for stage in self.stages)


class OperatorNetwork(nn.Module, ABC):
    """Abstract: blocks with an operator each, and something before and after them."""

    @property
    @abstractmethod
    def middle_operator(self) -> nn.Module:
        """The operator that the report looks into."""


def seed_slot(seed: int, position: int) -> None:
    """Each operator starts from a seed of its own, so that all other weights are alike for every one."""
    torch.manual_seed(1_000_003 * (seed + 1) + position)


def middle(blocks: int) -> int:
    """Position of the block that is looked into."""
    return (blocks - 1) // 2
