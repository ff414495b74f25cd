"""An objective for dilations that differ from place to place: large, but not where detail would be lost.

After Chen, Gu, Zheng and Fu (2024), Frequency-Adaptive Dilated Convolution for Semantic Segmentation,
https://arxiv.org/abs/2403.05369: taps D samples apart cannot tell waves above 1 / (2 D) cycles per sample
from slower ones. The paper weighs a large D against the power of such waves; its code has no such loss. How
power is measured at a place, and between whole dilations, is our choice.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.errors import ArgumentError, ShapeError
from circulant.engine.transform import irfftn, rfftn

WINDOW = 7  # samples along each axis over which power is averaged
HIGHEST = 8  # dilation; beyond it no more power is lost


def dilation_objective(
    x: Tensor, spacing: Tensor, *, weight: float = 10.0, window: int = WINDOW, highest: int = HIGHEST
) -> Tensor:
    """-mean(spacing) / highest + weight * (lost power / power of x), to be minimised; a scalar.

    x (B, C, H, W), spacing (B, G, H, W) as `FrequencyAdaptiveDilatedConv2d.dilations` gives it at stride 1.
    weight: for spacings that can change apart, the default. A layer starts from one spacing everywhere, and
    from white texture beside flat parts it learnt to tell them apart with 1; 2 and 10 shut all taps first.
    """
    lost = lost_power(x, spacing, window=window, highest=highest)
    power = x.square().mean().clamp(min=torch.finfo(x.dtype).tiny)
    return weight * lost.mean() / power - spacing.clamp(max=highest).mean() / highest


def lost_power(x: Tensor, spacing: Tensor, *, window: int = WINDOW, highest: int = HIGHEST) -> Tensor:
    """Mean power around each place of the waves above 1 / (2 spacing), linear between whole dilations.

    x (B, C, H, W), spacing (B, G, H, W) -> (B, G, H, W), each group by all channels.
    """
    if highest < 1 or window < 1 or window % 2 == 0:
        raise ArgumentError(f"expected highest of 1 or more and an odd window, got {highest} and {window}")
    if spacing.ndim != 4 or spacing.shape[0] != x.shape[0] or spacing.shape[2:] != x.shape[2:]:
        raise ShapeError(
            f"expected spacing (B, G, H, W) on the grid of x {tuple(x.shape)}, got {tuple(spacing.shape)}; "
            "use stride 1"
        )
    table = torch.cat([_power_above(x, dilation, window) for dilation in range(1, highest + 1)], 1)
    place = spacing.clamp(1, highest) - 1
    lower = place.detach().floor().clamp(max=max(highest - 2, 0)).long()
    upper = (lower + 1).clamp(max=highest - 1)
    return torch.lerp(table.gather(1, lower), table.gather(1, upper), place - lower)


def _power_above(x: Tensor, dilation: int, window: int) -> Tensor:
    """x (B, C, H, W) -> (B, 1, H, W)."""
    H, W = spatial = tuple(x.shape[2:])
    rows, columns = torch.arange(H, device=x.device), torch.arange(W // 2 + 1, device=x.device)
    rows = torch.minimum(rows, H - rows)
    is_high = (2 * dilation * rows > H)[:, None] | (2 * dilation * columns > W)
    high = irfftn(rfftn(x, 2) * is_high[..., None].to(x.dtype), spatial)
    power = high.square().mean(1, keepdim=True)
    return F.avg_pool2d(power, window, 1, window // 2, count_include_pad=False)
