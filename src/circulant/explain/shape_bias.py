"""Does a classifier go by shape or by texture?

After Geirhos, Rubisch, Michaelis, Bethge, Wichmann and Brendel (2018), ImageNet-trained CNNs are biased
towards texture; increasing shape bias improves accuracy and robustness, https://arxiv.org/abs/1811.12231:
pictures that have the shape of one class and the texture of another are given to the network, and what it
decides for neither of the two is left out.
"""

from dataclasses import dataclass
from math import nan
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.train.predict import predict


@final
@dataclass(frozen=True, slots=True)
class ShapeBias:
    """How many pictures were given the class of their shape, of their texture, or another."""

    shape: int
    texture: int
    other: int

    @property
    def share(self) -> float:
        """Shape among decisions for shape or texture, 0 to 1; nan if there was none."""
        decided = self.shape + self.texture
        return self.shape / decided if decided else nan

    def __str__(self) -> str:
        return (
            f"shape bias {self.share:.1%}: {self.shape} pictures by their shape, {self.texture} by their "
            f"texture, {self.other} as something else"
        )


def shape_bias(network: nn.Module, x: Tensor, shapes: Tensor, textures: Tensor) -> ShapeBias:
    """x (N, C, H, W) whose shape is of one class and whose texture of another: shapes (N), textures (N).

    Pictures with both of one class say nothing and are left out.
    """
    if shapes.shape != (len(x),) or textures.shape != (len(x),):
        raise ShapeError(
            f"expected a class of shape and one of texture for each of {len(x)} pictures, "
            f"got {tuple(shapes.shape)} and {tuple(textures.shape)}"
        )
    in_conflict = shapes != textures
    if not bool(in_conflict.any()):
        raise ArgumentError(
            "expected pictures whose shape and texture are of different classes, got none; "
            "transfer the texture of one class to pictures of another"
        )
    decided = predict(network, x[in_conflict])
    by_shape = int(torch.sum(decided == shapes[in_conflict]))
    by_texture = int(torch.sum(decided == textures[in_conflict]))
    return ShapeBias(by_shape, by_texture, len(decided) - by_shape - by_texture)
