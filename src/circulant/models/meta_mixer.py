"""MetaMixer: queries, their match with keys, and the values that the matches call for, each to be plugged in.

After Yun, Lee and Ro (2024), MetaMixer Is All You Need, https://arxiv.org/abs/2406.02021.
"""

from typing import final

from torch import Tensor, nn


@final
class MetaMixer(nn.Module):
    """y = combine(activation(match(query(x), x)), x).

    match and combine see what came before them, and x, of which they may make keys and values. With `Fixed`
    kernels and GELU it is FFNified attention; with `Keys`, softmax and `Values` it is self-attention.
    """

    def __init__(self, query: nn.Module, match: nn.Module, activation: nn.Module, combine: nn.Module) -> None:
        super().__init__()
        self.query, self.match, self.activation, self.combine = query, match, activation, combine

    def forward(self, x: Tensor) -> Tensor:
        return self.combine(self.activation(self.match(self.query(x), x)), x)


@final
class Fixed(nn.Module):
    """Keys or values that are parameters of a module and do not depend on x."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, queries: Tensor, x: Tensor) -> Tensor:
        return self.module(queries)


@final
class Keys(nn.Module):
    """q k / sqrt(C) for every pair of positions: queries (B, L, C), x (B, L, D) -> (B, L, L)."""

    def __init__(self, project: nn.Module) -> None:
        """project: x to keys (B, L, C)."""
        super().__init__()
        self.project = project

    def forward(self, queries: Tensor, x: Tensor) -> Tensor:
        return queries @ self.project(x).transpose(-2, -1) / queries.shape[-1] ** 0.5


@final
class Values(nn.Module):
    """Values weighted by coefficients (B, L, L): x (B, L, D) -> (B, L, C)."""

    def __init__(self, project: nn.Module) -> None:
        """project: x to values (B, L, C)."""
        super().__init__()
        self.project = project

    def forward(self, coefficients: Tensor, x: Tensor) -> Tensor:
        return coefficients @ self.project(x)
