"""Importance of pixels by random masks: the mean mask, each weighted by the score that it leaves.

    map = sum_n score(x m_n) m_n / (N p)

A mask is a grid of side x side cells, each kept with probability p, enlarged bilinearly to one cell more and
cut out at a random place. For a linear score without bias and masks of single pixels the map tends to (1 -
p) w_i x_i + p f(x): the order of pixels is right, the level is not their contribution.

Petsiuk, Das and Saenko (2018), RISE: Randomized Input Sampling for Explanation of Black-box Models,
https://arxiv.org/abs/1806.07421. One of the nine methods compared in Nourelahi, Kotthoff, Chen and Nguyen
(2022), How explainable are adversarially-robust CNNs?, https://arxiv.org/abs/2205.13042.
"""

from dataclasses import dataclass
from math import ceil
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from circulant.core.errors import ArgumentError, ShapeError
from circulant.explain.class_scores import CHUNK, decision
from circulant.explain.saliency_maps import SaliencyMaps


@final
@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """values (N, H, W) from 0 to 1, each pixel kept in a share p of them."""

    values: Tensor
    share: float


def rise_masks(
    size: tuple[int, int], count: int = 2000, side: int = 8, share: float = 0.5, seed: int = 0
) -> Masks:
    """Masks for pictures of that size; the paper's are 2000 or 6000 of side 8 at 0.5 or 0.1."""
    if count < 1 or not 1 <= side <= min(size) or not 0 < share < 1:
        raise ArgumentError(
            f"expected count from 1, side from 1 to {min(size)} and share above 0 and below 1, "
            f"got {count}, {side} and {share}"
        )
    generator = torch.Generator().manual_seed(seed)
    cell = [ceil(n / side) for n in size]
    grids = (torch.rand(count, 1, side, side, generator=generator) < share).float()
    enlarged = interpolate(grids, [(side + 1) * n for n in cell], mode="bilinear")[:, 0]
    shifts = torch.stack([torch.randint(0, n, (count,), generator=generator) for n in cell], 1).tolist()
    cut = [
        mask[top : top + size[0], left : left + size[1]]
        for mask, (top, left) in zip(enlarged, shifts, strict=True)
    ]
    return Masks(torch.stack(cut), share)


def rise(
    network: nn.Module,
    x: Tensor,
    targets: Tensor | None = None,
    *,
    masks: Masks | None = None,
    is_probability: bool = True,
) -> SaliencyMaps:
    """Maps (B, H, W) of x (B, C, H, W), in probability or in logits; the same masks for all pictures."""
    asked = decision(network, x, targets, is_probability=is_probability)
    masks = rise_masks((x.shape[2], x.shape[3])) if masks is None else masks
    values = masks.values.to(x)
    if values.shape[1:] != x.shape[2:]:
        raise ShapeError(f"expected masks (N, {x.shape[2]}, {x.shape[3]}), got {tuple(values.shape)}")
    maps = torch.zeros(len(x), *x.shape[2:], dtype=x.dtype, device=x.device)
    for row, picture in enumerate(x.detach()):
        for part in values.split(CHUNK):
            scores = asked(picture * part[:, None], torch.full((len(part),), row))
            maps[row] += torch.einsum("n,nhw->hw", scores, part)
    return SaliencyMaps("RISE", x, maps / (len(values) * masks.share))
