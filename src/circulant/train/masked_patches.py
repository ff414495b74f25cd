"""Pretraining without labels: some patches are hidden, and the network finds them from the others."""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.models.tslanet import TSLANet


@final
class MaskedPatches(nn.Module):
    """Mean squared error of hidden embedded patches.  Shapes: x (B, C, L) -> scalar.

    As in TSLANet's code a hidden patch is zero, the target is the embedding itself, through which the
    gradient flows too, and each example hides the same share of its patches. Train it with
    `fit(MaskedPatches(network), x, x, loss=hidden_error, ...)`; the network inside keeps what it learnt.
    """

    def __init__(self, network: TSLANet, share: float = 0.4) -> None:
        super().__init__()
        if not 0 < share < 1:
            raise ArgumentError(f"expected a share of hidden patches between 0 and 1, got {share}")
        self.network, self.share = network, share

    def forward(self, x: Tensor) -> Tensor:
        patches = self.network.patches(x)
        hidden = hide(len(x), patches.shape[-1], self.share, x.device)
        found = self.network.features(torch.where(hidden[:, None], 0, patches))
        error = (found - patches).square().mean(1)
        return (error * hidden).sum() / hidden.sum()


def hide(examples: int, patches: int, share: float, device: torch.device) -> Tensor:
    """Which patches are hidden (examples, patches): the same number, rounded up, in each example."""
    kept = int(patches * (1 - share))
    order = torch.rand(examples, patches, device=device).argsort(1).argsort(1)
    return order >= kept


def hidden_error(error: Tensor, x: Tensor) -> Tensor:
    """The loss for `fit`: what MaskedPatches gives is the error already."""
    return error
