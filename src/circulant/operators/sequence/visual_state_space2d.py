"""What the two-dimensional selective scans share: everything but their paths through the picture."""

from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, product
from circulant.engine.costs import pointwise_cost
from circulant.operators.sequence.local_filter2d import LocalFilter2d
from circulant.operators.sequence.selective_state_space import SelectiveStateSpace, step_rank

PATHS = 4


class VisualStateSpace2d(Operator):
    """Abstract over the four paths: project_out(silu(z) norm(merged(ssm(paths(silu(conv(u)))))))."""

    ndims = (2,)

    def __init__(
        self,
        channels: int,
        states: int = 16,
        *,
        expand: int = 2,
        taps: int = 3,
        rank: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, inner = channels, expand * channels
        rank = step_rank(channels, rank)
        self.project_in = nn.Linear(channels, 2 * inner, bias=False, device=device, dtype=dtype)
        self.conv = LocalFilter2d(inner, taps, device=device, dtype=dtype)
        self.ssm = SelectiveStateSpace(inner, states, rank, PATHS, device=device, dtype=dtype)
        self.norm = nn.LayerNorm(inner, device=device, dtype=dtype)
        self.project_out = nn.Linear(inner, channels, bias=False, device=device, dtype=dtype)

    @staticmethod
    @abstractmethod
    def paths(x: Tensor) -> Tensor:
        """x (B, C, H, W) -> the four sequences (B, 4, C, tokens)."""

    @staticmethod
    @abstractmethod
    def merged(y: Tensor, spatial: Shape) -> Tensor:
        """Every token back to its place -> (B, C, H, W)."""

    @staticmethod
    @abstractmethod
    def tokens(spatial: Shape) -> int:
        """Length of each of the four sequences."""

    def scan(self, x: Tensor) -> Tensor:
        """The recurrence alone, along all paths: (B, D, H, W) -> (B, D, H, W)."""
        y, _ = self.ssm(self.paths(x))
        return self.merged(y, tuple(x.shape[2:]))

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        u, z = self.project_in(x.movedim(1, -1)).chunk(2, -1)
        y = self.scan(F.silu(self.conv(u.movedim(-1, 1))))
        gated = self.norm(y.movedim(1, -1)) * F.silu(z)
        return self.project_out(gated).movedim(-1, 1)

    def cost(self, shape: Shape) -> Cost:
        B, _, *spatial = shape
        inner = (B, self.ssm.channels, *spatial)
        lines, back = (B, self.channels, product(spatial)), (B, self.ssm.channels, product(spatial))
        projections = pointwise_cost(lines, 2 * self.ssm.channels) + pointwise_cost(back, self.channels)
        return projections + self.conv.cost(inner) + self.ssm.cost(B, self.tokens(tuple(spatial)))
