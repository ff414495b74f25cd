"""What can stand in the backbone's slot: an operator or layer by name, ready to be built."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape
from circulant.models.sequence_view import SequenceView

Build = Callable[[int, Shape], nn.Module]  # (channels, spatial) -> module that keeps (B, channels, *spatial)


@dataclass(frozen=True, slots=True)
class Mixer:
    """A named builder and the numbers of spatial axes it takes."""

    name: str
    ndims: tuple[int, ...]
    build: Build

    def fitted(self, channels: int, spatial: Shape) -> nn.Module:
        """Built for that token grid. One-dimensional operators read a picture row by row."""
        if len(spatial) in self.ndims:
            return self.build(channels, spatial)
        if len(spatial) == 2 and 1 in self.ndims:
            return SequenceView(self.build(channels, (spatial[0] * spatial[1],)))
        kind = {1: "series", 2: "pictures", 3: "volumes"}
        raise ArgumentError(
            f"{self.name} works on {' or '.join(kind[ndim] for ndim in self.ndims)}, "
            f"but the data are {kind[len(spatial)]}; leave it out, or compare it on other data"
        )
