"""How much each pixel matters to a decision: the one shape of results of the attribution methods."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from circulant.report.fragment import standalone
from circulant.report.picture_row import Picture, picture_row


@final
@dataclass(frozen=True, slots=True, eq=False)
class SaliencyMaps:
    """One map for each picture; larger means more important. The unit is the method's own."""

    method: str
    x: Tensor  # (B, C, H, W)
    values: Tensor  # (B, H, W)

    @property
    def peaks(self) -> Tensor:
        """Row and column of each map's largest value, (B, 2)."""
        width = self.values.shape[2]
        place = self.values.flatten(1).argmax(1)
        return torch.stack([place // width, place % width], 1)

    def plot(self, number: int = 0) -> str:
        """A stand-alone SVG: the picture, in its full range of grey, and the positive part of its map."""
        picture = self.x[number].detach().double().cpu()
        picture = (picture - picture.min()) / (picture.max() - picture.min()).clamp_min(1e-12)
        pixels = picture.movedim(0, -1) if len(picture) == 3 else picture.mean(0)
        values = self.values[number].detach().double().cpu().clamp_min(0)
        panels = (Picture("picture", pixels.numpy()), Picture(self.method, values.numpy(), ""))
        return standalone(picture_row(panels, f"{self.method} of picture {number}"))
