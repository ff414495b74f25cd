"""The network from field to field: the input's grid throughout."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from circulant.core.sizes import Shape
from circulant.models.block import Block
from circulant.models.channel_mlp import ChannelMlp
from circulant.models.mixer import Build
from circulant.models.operator_network import Design, OperatorNetwork, middle, seed_slot


@final
@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """Mean and deviation of each channel of the sought field: what the network is spared to learn."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @staticmethod
    def of(y: NDArray[Any]) -> "Scaling":
        """From training targets (N, D, *spatial)."""
        axes = (0, *range(2, y.ndim))
        return Scaling(y.mean(axes, dtype=np.float64), y.std(axes, dtype=np.float64))


@final
class FieldBackbone(OperatorNetwork):
    """A lift of the given channels and the coordinates, blocks, a projection, and the scale of the result.

    Coordinates, from 0 to 1 along each axis, as in Li et al., 2020, Fourier Neural Operator for
    Parametric Partial Differential Equations (https://arxiv.org/abs/2010.08895).
    Shapes: x (B, C, *spatial) -> y (B, D, *spatial).
    """

    def __init__(self, shape: Shape, scaling: Scaling, build: Build, seed: int, design: Design) -> None:
        """shape is one example's (C, *spatial). The seed decides every weight, the global state none."""
        super().__init__()
        channels, spatial, width = shape[0], shape[1:], design.width
        out_channels, ones = len(scaling.mean), (1,) * len(spatial)
        with torch.random.fork_rng(devices=[]):
            operators = []
            for position in range(design.depth):
                seed_slot(seed, position)
                operators.append(build(width, spatial))
            torch.manual_seed(seed)
            self.lift = ChannelMlp(channels + len(spatial), 2 * width, width)
            self.blocks = nn.Sequential(*(Block(width, operator) for operator in operators))
            self.project = ChannelMlp(width, 2 * width, out_channels)
        self._middle = operators[middle(design.depth)]
        axes = [(torch.arange(size) + 0.5) / size for size in spatial]
        self.register_buffer("coordinates", torch.stack(torch.meshgrid(*axes, indexing="ij")), False)
        self.register_buffer("mean", torch.tensor(scaling.mean).float().reshape(-1, *ones))
        self.register_buffer("deviation", torch.tensor(scaling.deviation).float().reshape(-1, *ones))

    @property
    def middle_operator(self) -> nn.Module:
        return self._middle

    def forward(self, x: Tensor) -> Tensor:
        coordinates = self.get_buffer("coordinates").expand(len(x), *self.get_buffer("coordinates").shape)
        features = self.blocks(self.lift(torch.cat([x, coordinates.to(x.dtype)], 1)))
        return self.get_buffer("mean") + self.get_buffer("deviation") * self.project(features)
