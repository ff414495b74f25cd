r"""FFNified attention: keys and values are depthwise kernels, and GELU stands where softmax stood.

    q = BN(A x),   c = GELU(w_K * q + b_K),   y = w_V * c + b_V

A mixes the channels of each position, w_K and w_V are depthwise K x K, padded with zeros. There is neither
a widening between keys and values nor a projection after them. Shapes: x (B, C, H, W) -> y (B, C, H, W).

From K = 7 on each of the two kernels is trained as the sum of a K x K and a 3 x 3 one, both with a batch
norm of their own; `fuse` and `reparameterize` merge them, and the query's norm, exactly. In training mode
the norms see all examples together.
"""

from copy import deepcopy
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import pointwise_cost
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d
from circulant.operators.spatial.dilated_reparam_block import DilatedBranch, DilatedReparamBlock

LARGE = 7  # kernels from this size on are trained beside a small one
SMALL = DilatedBranch(3, 1)


def reference(x: Tensor, state: dict[str, Tensor], training: bool = False) -> Tensor:
    query = torch.einsum("oi,bihw->bohw", state["query.weight"][:, :, 0, 0], x)
    query = _shifted(query, state, "norm", training)
    if "query.bias" in state:
        query = query + state["query.bias"][:, None, None]
    keys = _depthwise(query, state, "key", training)
    return _depthwise(keys * (1 + torch.erf(keys / 2**0.5)) / 2, state, "value", training)


def _depthwise(x: Tensor, state: dict[str, Tensor], name: str, training: bool) -> Tensor:
    if f"{name}.weight" in state:
        return _correlate(x, state[f"{name}.weight"]) + state[f"{name}.bias"][:, None, None]
    branches = (_correlate(x, state[f"{name}.convs.{i}.weight"]) for i in range(2))
    large, small = (_shifted(y, state, f"{name}.norms.{i}", training) for i, y in enumerate(branches))
    return large + small


def _shifted(x: Tensor, state: dict[str, Tensor], name: str, training: bool) -> Tensor:
    if f"{name}.weight" not in state:
        return x
    mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    if training:
        mean = x.mean((0, 2, 3))
        variance = ((x - mean[:, None, None]) ** 2).mean((0, 2, 3))
    scale = state[f"{name}.weight"] / (variance + 1e-5).sqrt()
    shift = state[f"{name}.bias"] - scale * mean
    return scale[:, None, None] * x + shift[:, None, None]


def _correlate(x: Tensor, weight: Tensor) -> Tensor:
    (H, W), K = x.shape[2:], weight.shape[-1]
    rows = []
    for h in range(H):
        for w in range(W):
            total = torch.zeros_like(x[:, :, 0, 0])
            for i in range(K):
                for j in range(K):
                    u, v = h + i - K // 2, w + j - K // 2
                    if 0 <= u < H and 0 <= v < W:
                        total = total + weight[:, 0, i, j] * x[:, :, u, v]
            rows.append(total)
    return torch.stack(rows, -1).reshape(x.shape)


@final
class FFNifiedAttention2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        kernel_size: int = 7,
        *,
        merged: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """merged: built as `fuse` leaves it, to load merged weights into."""
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ArgumentError(f"expected an odd kernel_size of 1 or more, got {kernel_size}")
        self.channels, self.kernel_size = channels, kernel_size

        def kernel() -> DepthwiseConv2d | DilatedReparamBlock:
            if kernel_size < LARGE:
                return DepthwiseConv2d(channels, (kernel_size,) * 2, device=device, dtype=dtype)
            return DilatedReparamBlock(channels, kernel_size, (SMALL,), device=device, dtype=dtype)

        self.query = nn.Conv2d(channels, channels, 1, bias=False, device=device, dtype=dtype)
        self.norm: nn.Module = nn.BatchNorm2d(channels, device=device, dtype=dtype)
        self.key, self.value = kernel(), kernel()
        if merged:
            self.reparameterize()

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        coefficients = nn.functional.gelu(self.key(self.norm(self.query(x))))
        return self.value(coefficients)

    def reparameterize(self) -> None:
        """Merge norms and small kernels into one kernel each for query, key and value, in place."""
        if isinstance(self.norm, nn.BatchNorm2d):
            fused = nn.utils.fuse_conv_bn_eval(deepcopy(self.query).eval(), deepcopy(self.norm).eval())
            self.query, self.norm = fused.train(self.training), nn.Identity()
        self.key = self.key.merged().train(self.training)
        self.value = self.value.merged().train(self.training)

    def fuse(self) -> "FFNifiedAttention2d":
        """A merged copy."""
        copy = deepcopy(self)
        copy.reparameterize()
        return copy

    def cost(self, shape: Shape) -> Cost:
        return pointwise_cost(shape, self.channels) + self.key.cost(shape) + self.value.cost(shape)

    def extra_repr(self) -> str:
        return f"{self.channels}, kernel_size={self.kernel_size}"


def _mixer(channels: int, spatial: Shape) -> FFNifiedAttention2d:
    return FFNifiedAttention2d(channels)


CARD = Card(
    operators=(FFNifiedAttention2d,),
    reference=reference,
    papers=(Paper("Yun, Lee and Ro", 2024, "MetaMixer Is All You Need", "https://arxiv.org/abs/2406.02021"),),
    laws=frozenset(),
    cases=(
        Case((2, 2, 4, 3), lambda: FFNifiedAttention2d(2)),
        Case((1, 3, 3, 4), lambda: FFNifiedAttention2d(3, 3)),
        Case((2, 2, 3, 3), lambda: FFNifiedAttention2d(2, 7, merged=True)),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: FFNifiedAttention2d(3), says="C = 3"),
        BadInput((3, 8, 8), lambda: FFNifiedAttention2d(3), says="(B, C, H, W)"),
        BadInput((2, 3, 8, 8), lambda: FFNifiedAttention2d(3, 4), says="odd kernel_size"),
    ),
    mixer=_mixer,
)
