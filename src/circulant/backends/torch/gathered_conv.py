"""Gathered convolution, neighbour by neighbour: one product of matrices for each, nothing unfolded."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.problems.gathered_conv import GatheredConvProblem
from circulant.problems.trilinear import Slot


def direct(problem: GatheredConvProblem, first: Tensor, second: Tensor, index: Tensor) -> Tensor:
    groups, places = problem.groups, (index + 1).unbind(1)  # place 0 is that of no neighbour

    def by_group(tensor: Tensor, axis: int) -> Tensor:
        return tensor.unflatten(axis, (groups, -1))

    if problem.slot is Slot.INPUT:
        g, weight = by_group(first, 1), by_group(second, 0)
        x = first.new_zeros(problem.batch, problem.in_channels, problem.places + 1)
        for m, place in enumerate(places):
            share = torch.einsum("bgop,goi->bgip", g, weight[..., m])
            x.index_add_(2, place, share.flatten(1, 2))
        return x[:, :, 1:].contiguous()
    x = by_group(F.pad(first, (1, 0)), 1)
    if problem.slot is Slot.OUTPUT:
        weight = by_group(second, 0)
        y = first.new_zeros(problem.batch, groups, problem.out_channels // groups, problem.outputs)
        for m, place in enumerate(places):
            y += torch.einsum("bgip,goi->bgop", x.index_select(3, place), weight[..., m])
        return y.flatten(1, 2)
    g = by_group(second, 1)
    taps = [torch.einsum("bgip,bgop->goi", x.index_select(3, place), g) for place in places]
    return torch.stack(taps, -1).flatten(0, 1)
