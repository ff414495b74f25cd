"""A network that makes the parameters of another, of a size that does not follow the size of its input.

After Ortiz, Guttag and Dalca (2023), Magnitude Invariant Parametrizations Improve Hypernetwork Learning,
https://arxiv.org/abs/2304.07645, and its published code.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import pi
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.sizes import Shape, product

SLOPE = 0.01  # of the leaky ReLUs below zero
HIDDEN = (16, 128)


def encode_circle(gamma: Tensor) -> Tensor:
    """[cos(pi gamma / 2), sin(pi gamma / 2)]: a quarter of a circle for each number from 0 to 1.

    Shapes: gamma (..., d) -> (..., 2 d), always of norm sqrt(d).
    """
    angle = gamma * (pi / 2)
    return torch.cat([angle.cos(), angle.sin()], -1)


def leaky_mlp(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers with leaky ReLUs between: Kaiming's normal weights by fan-out, biases of zero."""
    layers: list[nn.Module] = []
    for number, (inputs, outputs) in enumerate(pairwise(sizes), 2):
        layer = nn.Linear(inputs, outputs)
        is_last = number == len(sizes)
        nn.init.kaiming_normal_(layer.weight, SLOPE, "fan_out", "linear" if is_last else "leaky_relu")
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers[:-1])


@final
class MipHyperNetwork(nn.Module):
    """theta = theta_0 + h(E(gamma)), E the encoding on circles, h a leaky MLP, theta_0 its last bias.

    Shapes: gamma (d) or (B, d), each from 0 to 1 -> by name, a parameter of that shape or B of them.

    With gamma itself as the input and no theta_0, theta would grow in proportion to gamma, and gradients
    with it. theta_0 starts from `start` or, where that is None, from Kaiming's normal distribution for
    parameters of two axes or more, and from 0 for the others.
    """

    def __init__(
        self,
        inputs: int,
        shapes: Mapping[str, Shape],
        hidden: Sequence[int] = HIDDEN,
        *,
        start: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        if inputs < 1 or not shapes or min(hidden, default=1) < 1:
            raise ArgumentError(
                f"expected 1 input or more, a shape or more and hidden layers that are not empty, got "
                f"inputs = {inputs}, {len(shapes)} shapes and hidden = {tuple(hidden)}"
            )
        self.inputs, self.shapes = inputs, {name: tuple(shape) for name, shape in shapes.items()}
        self.counts = [product(shape) for shape in self.shapes.values()]
        self.map = leaky_mlp((2 * inputs, *hidden, sum(self.counts)))
        self.set_start(_random(self.shapes) if start is None else start)

    @property
    def start(self) -> dict[str, Tensor]:
        """theta_0 by name, views of the parameter."""
        return self._named(self._last.bias)

    @property
    def _last(self) -> nn.Linear:
        layer = self.map[-1]
        assert isinstance(layer, nn.Linear)
        return layer

    @torch.no_grad()
    def set_start(self, start: Mapping[str, Tensor]) -> None:
        """Begin from these parameters, copied."""
        given = {name: tuple(tensor.shape) for name, tensor in start.items()}
        if given != self.shapes:
            raise ShapeError(f"expected parameters to start from of shapes {self.shapes}, got {given}")
        self._last.bias.copy_(torch.cat([start[name].flatten() for name in self.shapes]))

    def forward(self, gamma: Tensor) -> dict[str, Tensor]:
        if gamma.ndim not in (1, 2) or gamma.shape[-1] != self.inputs:
            raise ShapeError(f"expected gamma (d) or (B, d) with d = {self.inputs}, got {tuple(gamma.shape)}")
        return self._named(self.map(encode_circle(gamma)))

    def _named(self, flat: Tensor) -> dict[str, Tensor]:
        parts = flat.split(self.counts, -1)
        return {
            name: part.unflatten(-1, shape) if shape else part.squeeze(-1)
            for (name, shape), part in zip(self.shapes.items(), parts)
        }


def _random(shapes: Mapping[str, Shape]) -> dict[str, Tensor]:
    start = {name: torch.zeros(shape) for name, shape in shapes.items()}
    for parameter in start.values():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter, SLOPE)
    return start
