"""What a loss adds so that few channels shift, and how many do.

After Chen, Xie, Zhang and Pu (2019), All You Need is a Few Shifts: Designing Efficient Convolutional Neural
Networks for Image Classification, https://arxiv.org/abs/1903.05285.
"""

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.operators.spatial.sparse_shift import STRENGTH, SparseShiftNd


def shift_penalty(network: nn.Module, strength: float = STRENGTH) -> Tensor:
    """strength times the sum of absolute displacements in samples, over all shifts of the network."""
    return torch.stack([shift.penalty(strength) for shift in _shifts(network)]).sum()


def unshifted_share(network: nn.Module) -> float:
    """Share of the channels, over all shifts of the network, that stay where they are."""
    stays = torch.cat([shift.unshifted() for shift in _shifts(network)])
    return stays.float().mean().item()


def _shifts(network: nn.Module) -> list[SparseShiftNd]:
    found = [module for module in network.modules() if isinstance(module, SparseShiftNd)]
    if not found:
        raise ArgumentError("expected a network with sparse shifts, got none; see SparseShift2d and FENet")
    return found
