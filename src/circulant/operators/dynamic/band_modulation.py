"""The layer behind operators that weigh the frequency bands of their input at every position."""

from abc import abstractmethod

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, product
from circulant.engine.costs import convolution_problem, problem_cost, transform_cost
from circulant.engine.transform import irfftn, rfftn
from circulant.problems.transform import TransformKind

BANDS = (2, 4, 8)


class BandModulation2d(Operator):
    """Abstract over how a band is cut out. Every band but the lowest has a map of weights from 0 to 2."""

    ndims = (2,)

    def __init__(
        self,
        channels: int,
        bands: tuple[int, ...] = BANDS,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if channels < 1 or not bands or min(bands) < 1:
            raise ArgumentError(
                f"expected channels of 1 or more and bands, each 1 or more, got {channels} and {bands}"
            )
        self.channels, self.bands = channels, tuple(bands)
        self.select = nn.Conv2d(channels, len(bands), 3, padding=1, device=device, dtype=dtype)
        self.reset_parameters()

    @abstractmethod
    def reset_parameters(self) -> None: ...

    @abstractmethod
    def low_pass(self, spatial: Shape, band: int, device: torch.device) -> Tensor:
        """Gain of each bin of `rfftn` for what is left below the band -> (H, W // 2 + 1)."""

    def lows(self, x: Tensor) -> Tensor:
        """What is left of x below each band -> (bands, B, C, H, W)."""
        spatial = tuple(x.shape[2:])
        gains = torch.stack([self.low_pass(spatial, band, x.device) for band in self.bands])
        return irfftn(rfftn(x, 2) * gains[:, None, None, ..., None].to(x.dtype), spatial)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        maps = 2 * self.select(x).sigmoid()
        # sum of maps times differences of neighbouring bands, by what each low-pass is worth
        y = maps[:, :1] * x
        shares = torch.cat([maps[:, 1:], torch.ones_like(maps[:, :1])], 1) - maps
        for low, share in zip(self.lows(x), shares.split(1, 1)):
            y = torch.addcmul(y, share.to(y.dtype), low.to(y.dtype))
        return y

    def cost(self, shape: Shape) -> Cost:
        rows, count = product(shape[:2]), len(self.bands)
        kernel = (count, self.channels, 3, 3)
        selected = problem_cost(convolution_problem(shape, kernel, padding=((1, 1), (1, 1))))
        split = transform_cost(TransformKind.RFFT, rows, *shape[2:])
        return selected + split + transform_cost(TransformKind.IRFFT, count * rows, *shape[2:])

    def extra_repr(self) -> str:
        return f"{self.channels}, bands={self.bands}"
