r"""The smallest model in which neural collapse happens: free features under linear layers.

    loss = 1/(2N) |W_M ... W_1 H - Y|^2 + lw/2 sum_j |W_j|^2 + lh/2 |H|^2,    Y one-hot.

The features H stand for whatever a large network can make of its examples. Where they end is known:
`generalized_orthogonal_frame`. What surprises: with two layers or more, W = 0 and H = 0 is a minimum as well,
if not the lowest, and a start with small weights ends there. Single classes can end so from larger starts:
take the lowest of a few.

Dang, Tran, Osher, Tran-The, Ho and Nguyen, 2023, Neural Collapse in Deep Linear Networks: From Balanced to
Imbalanced Data, https://arxiv.org/abs/2301.00437.
"""

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.explain.orthogonal_frame import require_problem


@final
class DeepLinearCollapse(nn.Module):
    """Features (N, width) and weights, all drawn with that deviation; forward() is the loss.

    counts: examples of each class; depth: layers; width: of the features and between layers, at least the
    number of classes. In float64.
    """

    def __init__(
        self,
        counts: Sequence[int],
        depth: int,
        width: int,
        weight_decay: float,
        feature_decay: float,
        deviation: float = 0.5,
    ) -> None:
        super().__init__()
        require_problem(counts, depth, weight_decay, feature_decay)
        if width < len(counts):
            raise ArgumentError(f"expected width of at least the {len(counts)} classes, got {width}")
        self.weight_decay, self.feature_decay = weight_decay, feature_decay
        sizes = [width] * depth + [len(counts)]
        self.weights = nn.ParameterList(
            deviation * torch.randn(sizes[j + 1], sizes[j], dtype=torch.float64) for j in range(depth)
        )
        self.features = nn.Parameter(deviation * torch.randn(sum(counts), width, dtype=torch.float64))
        self.labels: Tensor
        labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
        self.register_buffer("labels", labels)

    def product(self) -> Tensor:
        """W_M ... W_1: (classes, width)."""
        product = self.weights[0]
        for weight in list(self.weights)[1:]:
            product = weight @ product
        return product

    def forward(self) -> Tensor:
        logits = self.features @ self.product().T
        wanted = nn.functional.one_hot(self.labels, logits.shape[1])
        weights = sum((weight.square().sum() for weight in self.weights), torch.zeros(()))
        decay = self.weight_decay * weights + self.feature_decay * self.features.square().sum()
        return (logits - wanted).square().sum() / (2 * len(logits)) + decay / 2

    def settle(self, steps: int = 5000) -> float:
        """Down to a minimum by L-BFGS, in that many steps at most; the loss there."""
        search = torch.optim.LBFGS(
            self.parameters(), max_iter=steps, history_size=50, tolerance_grad=1e-12, tolerance_change=1e-16,
            line_search_fn="strong_wolfe",
        )  # fmt: skip

        def loss() -> Tensor:
            search.zero_grad()
            value = self()
            value.backward()
            return value

        search.step(loss)
        self.zero_grad()
        with torch.no_grad():
            return float(self())
