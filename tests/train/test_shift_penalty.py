"""The penalty over a whole network, and the share of channels that stay."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.operators.spatial.sparse_shift import SparseShift1d, SparseShift2d
from circulant.train.shift_penalty import shift_penalty, unshifted_share


def test_penalty_and_share_are_over_all_shifts_of_the_network():
    network = nn.Sequential(SparseShift2d(2), nn.Sequential(SparseShift1d(2)))
    with torch.no_grad():
        network[0].displacement.copy_(torch.tensor([[0.4, 1.0], [-0.2, 0.0]]))
        network[1][0].displacement.copy_(torch.tensor([[0.1, -2.0]]))
    assert shift_penalty(network, 0.5).item() == pytest.approx(0.5 * (0.4 + 1.0 + 0.2 + 0.1 + 2.0))
    assert unshifted_share(network) == 0.5


def test_a_network_without_shifts_is_refused():
    with pytest.raises(ArgumentError, match="sparse shifts"):
        shift_penalty(nn.Linear(2, 2))
