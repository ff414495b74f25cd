"""Features of one network drawn towards those of another, frozen one.

After Song, Wang, Li, Zhang, Zhu, Liu, Jiang and Zhang (2025), DepthMaster: Taming Diffusion Models for
Monocular Depth Estimation, https://arxiv.org/abs/2501.02576, and its published code: there features of the
middle of a diffusion U-Net, 1280 channels, meet the patch tokens of DINOv2, 1536, with a weight of 1.
"""

from typing import final

import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.errors import ShapeError


@final
class FeatureAlignmentLoss(nn.Module):
    """mean of KL(softmax(target) || softmax(adapter(features))), softmax over channels; 0 where both agree.

    features (B, C, H, W), target (B, D, *grid), resized to (H, W) bicubically and not trained -> a number.
    The mean runs over positions and channels, as published, which makes it D times smaller than a mean of
    divergences. adapter None: three linear maps of the channels with SiLU between, to be trained too.
    """

    def __init__(
        self, channels: int = 1280, target_channels: int = 1536, *, adapter: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.adapter = _mlp(channels, target_channels) if adapter is None else adapter

    def forward(self, features: Tensor, target: Tensor) -> Tensor:
        adapted = self.adapter(features.movedim(1, -1))
        if adapted.shape[0] != target.shape[0] or adapted.shape[-1] != target.shape[1]:
            raise ShapeError(
                f"expected target (B, D, *grid) with B = {adapted.shape[0]} and D = {adapted.shape[-1]}, "
                f"got {tuple(target.shape)}; build the loss with target_channels = D"
            )
        resized = target.detach()
        if target.shape[2:] != features.shape[2:]:
            resized = F.interpolate(resized, size=features.shape[2:], mode="bicubic")
        wanted = resized.movedim(1, -1).log_softmax(-1)
        return F.kl_div(adapted.log_softmax(-1), wanted, reduction="none", log_target=True).mean()


def _mlp(channels: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(channels, hidden),
        nn.SiLU(),
        nn.Linear(hidden, hidden),
        nn.SiLU(),
        nn.Linear(hidden, hidden),
    )
