"""What can stand in the backbone's slot: an operator or layer by name, ready to be built."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape, product
from circulant.models.sequence_view import SequenceView

DATA = {1: "series", 2: "pictures", 3: "volumes", 4: "films of volumes"}  # by number of spatial axes

Build = Callable[[int, Shape], nn.Module]  # (channels, spatial) -> module that keeps (B, channels, *spatial)


@final
@dataclass(frozen=True, slots=True)
class Mixer:
    """A named builder and the numbers of spatial axes it takes."""

    name: str
    ndims: tuple[int, ...]
    build: Build
    causal: Build | None = None  # builds it on series so that no position sees a later one; None: it cannot

    def fitted(self, channels: int, spatial: Shape) -> nn.Module:
        """Built for that token grid. One-dimensional operators read a picture row by row."""
        self.require(len(spatial))
        if len(spatial) in self.ndims:
            return self.build(channels, spatial)
        return SequenceView(self.build(channels, (product(spatial),)))

    def causally(self, channels: int, spatial: Shape) -> nn.Module:
        """Built so that no position sees a later one."""
        return self._causal()(channels, spatial)

    def require_causal(self) -> None:
        """Raise unless it can be built so that no position sees a later one."""
        self._causal()

    def _causal(self) -> Build:
        if self.causal is None:
            raise ArgumentError(
                f"text needs causal operators, as the next character is told from those before it, but "
                f"{self.name} may see later ones; leave it out, or compare it on other data"
            )
        return self.causal

    def require(self, ndim: int) -> None:
        """Raise unless it can take data with that many spatial axes."""
        if ndim not in self.ndims and not (ndim == 2 and 1 in self.ndims):
            raise ArgumentError(
                f"{self.name} works on {' or '.join(DATA[axes] for axes in self.ndims)}, "
                f"but the data are {DATA[ndim]}; leave it out, or compare it on other data"
            )
