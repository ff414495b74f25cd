"""DeepRFTv2: deblurring by reversible sub-U-Nets on several scales, with kernels estimated between them.

After Mao, Song, Liu, Li and Wang (2025), DeepRFTv2: Kernel-level Learning for Image Deblurring,
https://arxiv.org/abs/2511.21132. The kernel estimator is that of the published code, but for orthonormal
spectra; the columns follow reversible column networks, and how scales join is our reading: sizes are free,
coarser scales hand their features on by addition, and every scale has the same sizes.
"""

from dataclasses import dataclass
from typing import final

import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.models.fourier_kernel_estimator import FourierKernelEstimator
from circulant.models.reversible import State, run_columns
from circulant.models.reversible_sub_unet import ReversibleSubUNet


@final
@dataclass(frozen=True, slots=True)
class DeblurDesign:
    """Sizes: widths and depths of each sub-U-Net, columns before and after each kernel, scales."""

    widths: tuple[int, ...] = (32, 64, 128)
    depths: tuple[int, ...] = (1, 2, 3)
    columns: int = 2
    scales: int = 3
    kernel_depth: int = 1


@final
class DeblurScale(nn.Module):
    """Columns, a first picture, the kernel, columns again, and the picture of this scale."""

    def __init__(
        self, design: DeblurDesign, colours: int, estimates_kernel: bool, saves_memory: bool
    ) -> None:
        super().__init__()
        channels = design.widths[0]
        self.saves_memory = saves_memory
        self.stem = nn.Conv2d(colours, channels, 3, padding=1)
        self.before, self.after = (
            nn.ModuleList(ReversibleSubUNet(design.widths, design.depths) for _ in range(design.columns))
            for _ in range(2)
        )
        self.first, self.last = (nn.Conv2d(channels, colours, 3, padding=1) for _ in range(2))
        self.kernel = None
        if estimates_kernel:
            self.kernel = FourierKernelEstimator(channels, design.kernel_depth, colours)

    def forward(self, blurred: Tensor, coarser: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """The feature for the next scale, and the pictures, the best one last."""
        x = self.stem(blurred)
        if coarser is not None:
            x = x + F.interpolate(coarser, size=x.shape[2:], mode="bilinear", align_corners=False)
        state = self._run(self.before, x, self._first(x))
        pictures = [self.first(state[-1]) + blurred]
        x = state[-1]
        if self.kernel is not None:
            deblurred = self.kernel(blurred, pictures[0], x)
            x = deblurred.feature
            pictures.append(deblurred.picture)
        feature = self._run(self.after, x, state)[-1]
        return feature, [*pictures, self.last(feature) + blurred]

    def _first(self, x: Tensor) -> State:
        column = self.before[0]
        assert isinstance(column, ReversibleSubUNet)
        return column.empty_state(x)

    def _run(self, columns: nn.ModuleList, x: Tensor, state: State) -> State:
        known = [column for column in columns if isinstance(column, ReversibleSubUNet)]
        return run_columns(known, x, state, saves_memory=self.saves_memory)


@final
class DeepRftV2(nn.Module):
    """Shapes: x (B, colours, H, W) -> y (B, colours, H, W), H and W divisible by 2^(scales + widths - 2).

    estimates_kernel=False leaves the kernels out, for comparison; saves_memory=False keeps all states.
    """

    def __init__(
        self,
        design: DeblurDesign | None = None,
        colours: int = 3,
        *,
        estimates_kernel: bool = True,
        saves_memory: bool = True,
    ) -> None:
        super().__init__()
        design = DeblurDesign() if design is None else design
        if min(design.columns, design.scales) < 1:
            raise ArgumentError(f"expected 1 column and 1 scale or more, got {design}")
        scales = range(design.scales)
        self.scales = nn.ModuleList(
            DeblurScale(design, colours, estimates_kernel, saves_memory) for _ in scales
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.restorations(x)[-1]

    def restorations(self, x: Tensor) -> list[Tensor]:
        """Every picture on the way, coarse to fine, for losses on all of them; the last one is the result."""
        pictures: list[Tensor] = []
        feature = None
        for number, scale in enumerate(self.scales):
            step = 2 ** (len(self.scales) - 1 - number)
            feature, made = scale(F.avg_pool2d(x, step) if step > 1 else x, feature)
            pictures += made
        return pictures
