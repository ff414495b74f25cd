r"""The ConvFormer layer of super-resolution: a large depthwise kernel gates, an edge-preserving MLP refines.

    z = x + s_1 P (a v),  a = w * GELU(A LN(x)),  v = V LN(x)
    y = z + s_2 D (h + GELU(E(h))),   h = GELU(U LN(z))

A, V, P, U and D mix the channels of each position, w is depthwise K x K, and E the edge-preserving
convolution over ratio C channels. Shapes: x (B, C, H, W) -> y (B, C, H, W); s_1, s_2 (C).

The gate is a product without softmax or sigmoid. Both scales start at 1e-6: a new layer is nearly the
identity. LN is over the channels of a position.
"""

from copy import deepcopy
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import ZERO_COST, Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import pointwise_cost
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d
from circulant.operators.spatial.edge_preserving_mlp2d import EdgePreservingMlp2d

EXPORTS = (EdgePreservingMlp2d,)
EPS = 1e-6


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    normed = _norm(x, state, "gate_norm")
    gate = _correlate(_gelu(_point(normed, state, "query")), state, "spread")
    mixed = _point(gate * _point(normed, state, "value"), state, "project")
    z = x + state["gate_scale"][:, None, None] * mixed
    hidden = _gelu(_point(_norm(z, state, "mlp_norm"), state, "mlp.expand"))
    slope = torch.tensor([1.0, 0.0, -1.0]) * torch.tensor([[1.0], [2.0], [1.0]])
    bowl = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])
    masks = torch.stack([slope, slope.T, bowl])
    edges = torch.einsum("ec,eij->cij", state["mlp.edge.scale"], masks)[:, None]
    merged = {
        "edge.weight": state["mlp.edge.weight"] + edges,
        "edge.bias": state["mlp.edge.bias"] + state["mlp.edge.shift"].sum(0),
    }
    refined = hidden + _gelu(_correlate(hidden, merged, "edge"))
    return z + state["mlp_scale"][:, None, None] * _point(refined, state, "mlp.contract")


def _gelu(x: Tensor) -> Tensor:
    return x * (1 + torch.erf(x / 2**0.5)) / 2


def _norm(x: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    centred = x - x.mean(1, keepdim=True)
    scaled = centred / ((centred**2).mean(1, keepdim=True) + 1e-6).sqrt()
    return scaled * state[f"{name}.weight"][:, None, None] + state[f"{name}.bias"][:, None, None]


def _point(x: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    mixed = torch.einsum("oi,bihw->bohw", state[f"{name}.weight"][:, :, 0, 0], x)
    return mixed + state[f"{name}.bias"][:, None, None]


def _correlate(x: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    weight, (H, W) = state[f"{name}.weight"], x.shape[2:]
    K = weight.shape[-1]
    rows = []
    for h in range(H):
        for w in range(W):
            total = state[f"{name}.bias"].expand(x.shape[:2])
            for i in range(K):
                for j in range(K):
                    u, v = h + i - K // 2, w + j - K // 2
                    if 0 <= u < H and 0 <= v < W:
                        total = total + weight[:, 0, i, j] * x[:, :, u, v]
            rows.append(total)
    return torch.stack(rows, -1).reshape(x.shape)


@final
class ConvFormerLayer2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        kernel_size: int = 9,
        *,
        ratio: int = 2,
        scale: float = 1e-6,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(kernel_size, ratio) < 1 or kernel_size % 2 == 0:
            raise ArgumentError(f"expected odd kernel_size, ratio of 1 or more, got {kernel_size}, {ratio}")
        self.channels = channels
        self.query, self.value, self.project = (
            nn.Conv2d(channels, channels, 1, device=device, dtype=dtype) for _ in range(3)
        )
        self.spread = DepthwiseConv2d(channels, (kernel_size,) * 2, device=device, dtype=dtype)
        self.mlp = EdgePreservingMlp2d(channels, ratio * channels, device=device, dtype=dtype)
        self.gate_norm, self.mlp_norm = (
            nn.LayerNorm(channels, EPS, device=device, dtype=dtype) for _ in range(2)
        )
        self.gate_scale, self.mlp_scale = (
            nn.Parameter(torch.full((channels,), scale, device=device, dtype=dtype)) for _ in range(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        z = x + self.gate_scale[:, None, None] * self.mix(_channel_norm(x, self.gate_norm))
        return z + self.mlp_scale[:, None, None] * self.mlp(_channel_norm(z, self.mlp_norm))

    def mix(self, x: Tensor) -> Tensor:
        """The gate, of a normed x."""
        gate = self.spread(nn.functional.gelu(self.query(x)))
        return self.project(gate * self.value(x))

    def reparameterize(self) -> None:
        """Merge the edge masks into one kernel, in place."""
        self.mlp.edge.reparameterize()

    def fuse(self) -> "ConvFormerLayer2d":
        """A merged copy."""
        copy = deepcopy(self)
        copy.reparameterize()
        return copy

    def cost(self, shape: Shape) -> Cost:
        points = sum((pointwise_cost(shape, self.channels) for _ in range(3)), start=ZERO_COST)
        return points + self.spread.cost(shape) + self.mlp.cost(shape)

    def extra_repr(self) -> str:
        return f"{self.channels}, kernel_size={self.spread.kernel[0]}, hidden={self.mlp.hidden}"


def _channel_norm(x: Tensor, norm: nn.LayerNorm) -> Tensor:
    return norm(x.movedim(1, -1)).movedim(-1, 1)


def _mixer(channels: int, spatial: Shape) -> ConvFormerLayer2d:
    return ConvFormerLayer2d(channels, scale=1.0)


CARD = Card(
    operators=(ConvFormerLayer2d,),
    reference=reference,
    papers=(
        Paper(
            "Wu, Jiang, Jiang and Liu",
            2024,
            "Transforming Image Super-Resolution: A ConvFormer-based Efficient Approach",
            "https://arxiv.org/abs/2401.05633",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 4, 3, 5), lambda: ConvFormerLayer2d(4, 5, scale=1.0)),
        Case((1, 3, 3, 2), lambda: ConvFormerLayer2d(3, 3, ratio=1)),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: ConvFormerLayer2d(3), says="C = 3"),
        BadInput((3, 8, 8), lambda: ConvFormerLayer2d(3), says="(B, C, H, W)"),
        BadInput((2, 3, 8, 8), lambda: ConvFormerLayer2d(3, 8), says="odd kernel_size"),
        BadInput((2, 3, 8, 8), lambda: ConvFormerLayer2d(3, ratio=0), says="ratio of 1 or more"),
    ),
    mixer=_mixer,
)
