"""FreqFusion: a coarse map enlarged by predicted low-pass kernels, a fine one sharpened by high-pass ones.

After Chen, Fu, Gu, Yan, Harada and Huang (2024), Frequency-aware Feature Fusion for Dense Image Prediction,
https://arxiv.org/abs/2408.12879, and its published code. Beyond the border maps are reflected, as in the code
without mmcv. Deviation: the heads of the offset generator start near zero, as they are written to, before the
code draws all convolutions anew.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.engine.local_conv import local_conv
from circulant.engine.sampled_conv import sampled_conv

COMPRESSED = 64
LOW_KERNEL, HIGH_KERNEL = 5, 3
FIRST_STD = 1e-3
SCALE = 2
REACH = 2  # samples to the neighbours that the offset generator looks at
EPS = 1e-8


def low_pass_kernels(logits: Tensor, window: Tensor | None) -> Tensor:
    """logits (B, k^2, H, W), window (k^2) -> (B, 1, k^2, H, W): softmax, windowed, with sum 1."""
    kernels = logits.softmax(1)
    if window is not None:
        kernels = kernels * window[:, None, None]
        kernels = kernels / kernels.sum(1, keepdim=True)
    return kernels[:, None].to(logits.dtype)


def smoothed(x: Tensor, kernels: Tensor) -> Tensor:
    """x (B, C, H, W), kernels (B, 1, k^2, H, W) -> (B, C, H, W)."""
    size = round(kernels.shape[2] ** 0.5)
    outer = F.pad(x, (size // 2,) * 4, mode="reflect")
    return local_conv(outer, kernels, (size, size), stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1))


def enlarged(x: Tensor, kernels: Tensor) -> Tensor:
    """x (B, C, H, W), kernels (B, 1, k^2, 2 H, 2 W) -> (B, C, 2 H, 2 W): each from its parent's window."""
    phases = [
        smoothed(x, kernels[..., i::SCALE, j::SCALE].contiguous()) for i in range(SCALE) for j in range(SCALE)
    ]
    return F.pixel_shuffle(torch.stack(phases, 2).flatten(1, 2), SCALE)


class _KernelGenerator(nn.Module):
    """Abstract over the window's size: a 3 x 3 convolution tells the logits of a kernel for each position."""

    window: Tensor | None

    def __init__(self, channels: int, kernel_size: int, hamming: bool) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ArgumentError(f"expected an odd kernel_size of 1 or more, got {kernel_size}")
        self.encode = nn.Conv2d(channels, kernel_size**2, 3, padding=1)
        nn.init.normal_(self.encode.weight, std=FIRST_STD)
        if self.encode.bias is not None:
            nn.init.zeros_(self.encode.bias)
        line = torch.hamming_window(kernel_size, periodic=False)
        self.register_buffer("window", torch.outer(line, line).flatten() if hamming else None)

    def kernels(self, logits: Tensor) -> Tensor:
        """logits (B, k^2, H, W) -> low-pass kernels (B, 1, k^2, H, W)."""
        return low_pass_kernels(logits, self.window)


@final
class AdaptiveLowPassGenerator2d(_KernelGenerator):
    """Kernels that are not negative and sum to 1, for every position."""

    def __init__(self, channels: int, kernel_size: int = LOW_KERNEL, *, hamming: bool = True) -> None:
        super().__init__(channels, kernel_size, hamming)

    def forward(self, logits: Tensor) -> Tensor:
        return self.kernels(logits)


@final
class AdaptiveHighPassGenerator2d(_KernelGenerator):
    """One less a low-pass kernel, for every position: kernels that sum to 0."""

    def __init__(self, channels: int, kernel_size: int = HIGH_KERNEL, *, hamming: bool = True) -> None:
        super().__init__(channels, kernel_size, hamming)

    def forward(self, logits: Tensor) -> Tensor:
        low = self.kernels(logits)
        unit = torch.zeros_like(low)
        unit[:, :, low.shape[2] // 2] = 1
        return unit - low

    def details(self, x: Tensor, logits: Tensor) -> Tensor:
        """What the kernels leave of x (B, C, H, W)."""
        return x - smoothed(x, self.kernels(logits))


def similarities(x: Tensor) -> Tensor:
    """Cosines between x and its 8 neighbours, x (B, C, H, W) -> (B, 8, H, W); 0 beyond the border."""
    H, W = x.shape[2:]
    unit = x / x.square().sum(1, keepdim=True).clamp(min=EPS**2).sqrt()
    outer = F.pad(unit, (REACH,) * 4)
    steps = [(i, j) for i in range(0, 2 * REACH + 1, REACH) for j in range(0, 2 * REACH + 1, REACH)]
    near = [outer[:, :, i : i + H, j : j + W] for i, j in steps if (i, j) != (REACH, REACH)]
    return torch.stack([(unit * other).sum(1) for other in near], 1)


@final
class OffsetGenerator2d(nn.Module):
    """Moves every sample of the enlarged map to where its neighbours are like it.

    fine (B, C, 2 H, 2 W) and coarse (B, C, H, W) compressed maps, x (B, D, 2 H, 2 W) -> the same.
    Offsets are in samples of the coarse map, under a sigmoid gate; beyond the border they read the border.
    """

    def __init__(self, channels: int = COMPRESSED, groups: int = 4) -> None:
        super().__init__()
        if channels < 8 or channels % 8 or groups < 1:
            raise ArgumentError(
                f"expected channels as a multiple of 8 and groups from 1, got {channels}, {groups}"
            )
        self.groups = groups
        self.norm_fine, self.norm_coarse = (nn.GroupNorm(channels // 8, channels) for _ in range(2))
        seen = channels + 8
        self.fine, self.fine_gate = (nn.Conv2d(seen, 2 * groups, 3, padding=1) for _ in range(2))
        self.coarse, self.coarse_gate = (
            nn.Conv2d(seen, 2 * groups * SCALE**2, 3, padding=1) for _ in range(2)
        )
        for layer, std in (
            (self.fine, FIRST_STD),
            (self.coarse, FIRST_STD),
            (self.fine_gate, 0),
            (self.coarse_gate, 0),
        ):
            nn.init.normal_(layer.weight, std=std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def offsets(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """-> (B, groups, 2, 2 H, 2 W), vertical then horizontal, in samples of the fine map."""
        f, c = self.norm_fine(fine), self.norm_coarse(coarse)
        f, c = torch.cat([f, similarities(f)], 1), torch.cat([c, similarities(c)], 1)
        moves = F.pixel_shuffle(self.coarse(c), SCALE) + self.fine(f)
        gate = (F.pixel_shuffle(self.coarse_gate(c), SCALE) + self.fine_gate(f)).sigmoid()
        return SCALE * (moves * gate).unflatten(1, (2, self.groups)).transpose(1, 2).flip(2)

    def forward(self, fine: Tensor, coarse: Tensor, x: Tensor) -> Tensor:
        return resampled(x, self.offsets(fine, coarse))


def resampled(x: Tensor, offset: Tensor) -> Tensor:
    """x (B, C, H, W) at places that are moved by offset (B, groups, 2, H, W); the border goes on outside."""
    H, W = x.shape[2:]
    rows = torch.arange(H, device=x.device, dtype=x.dtype)[:, None]
    columns = torch.arange(W, device=x.device, dtype=x.dtype)
    down = (rows + offset[:, :, 0]).clamp(0, H - 1) - rows
    right = (columns + offset[:, :, 1]).clamp(0, W - 1) - columns
    moves = torch.stack([down, right], 2)[:, :, None]
    return sampled_conv(
        x, moves, torch.ones_like(moves[:, :, :, 0]), (1, 1), stride=(1, 1), padding=((0, 0), (0, 0)),
        dilation=(1, 1),
    )  # fmt: skip


@final
class FreqFusion2d(nn.Module):
    """fine (B, C, 2 H, 2 W), coarse (B, D, H, W) -> both on the fine grid, (B, C, ..) and (B, D, ..).

    The caller adds or joins them. resample: move the enlarged map by an `OffsetGenerator2d` too.
    """

    def __init__(
        self,
        fine_channels: int,
        coarse_channels: int,
        *,
        compressed: int = COMPRESSED,
        low_kernel: int = LOW_KERNEL,
        high_kernel: int = HIGH_KERNEL,
        hamming: bool = True,
        resample: bool = False,
        resample_groups: int = 4,
    ) -> None:
        super().__init__()
        if resample and coarse_channels % resample_groups:
            raise ArgumentError(
                f"expected resample_groups to divide coarse_channels = {coarse_channels}, "
                f"got {resample_groups}"
            )
        self.compress_fine = nn.Conv2d(fine_channels, compressed, 1)
        self.compress_coarse = nn.Conv2d(coarse_channels, compressed, 1)
        for layer in (self.compress_fine, self.compress_coarse):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        self.low = AdaptiveLowPassGenerator2d(compressed, low_kernel, hamming=hamming)
        self.high = AdaptiveHighPassGenerator2d(compressed, high_kernel, hamming=hamming)
        self.resampler = OffsetGenerator2d(compressed, resample_groups) if resample else None

    def forward(self, fine: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        H, W = coarse.shape[2:]
        if fine.ndim != 4 or tuple(fine.shape[2:]) != (SCALE * H, SCALE * W) or min(H, W) < 3:
            raise ShapeError(
                f"expected fine of twice coarse's size, and that of 3 or more, got {tuple(fine.shape)} and "
                f"{tuple(coarse.shape)}; resize one"
            )
        f, c = self.compress_fine(fine), self.compress_coarse(coarse)
        high = self.high.encode(f)
        f = f + self.high.details(f, high)
        low = self.low.encode(f)
        low = low + enlarged(self.low.encode(c), self.low(low))
        kernels = self.low(low)
        high = high + enlarged(self.high.encode(c), kernels)
        large = enlarged(coarse, kernels)
        if self.resampler is not None:
            large = self.resampler(f, c, large)
        return fine + self.high.details(fine, high), large
