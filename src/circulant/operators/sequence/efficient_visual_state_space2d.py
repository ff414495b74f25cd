r"""EVSS block of EfficientVMamba: a global and a local view of the picture, weighed channel by channel.

    n = norm(x),   y = x + E(scan(n)) + E(W batchnorm-gelu(conv(n)))
    E(v) = v sigmoid(W_2 gelu(W_1 mean_p layernorm(v)[p]))

scan is an atrous selective scan, conv depthwise 3 x 3, W a linear map; both branches share E.
Shapes: x (B, C, H, W) -> y (B, C, H, W); W_1 (C / reduction, C). What follows in the paper, an MLP, belongs
to the network around the operator; the configurations that the authors published have none.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, product
from circulant.engine.costs import pointwise_cost
from circulant.operators.sequence.atrous_selective_scan2d import AtrousSelectiveScan2d
from circulant.operators.sequence.local_filter2d import LocalFilter2d


def reference(x: Tensor, state: dict[str, Tensor], training: bool = False) -> Tensor:
    def normed(values: Tensor, name: str) -> Tensor:
        centred = values - values.mean(-1, keepdim=True)
        scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]

    def weighed(values: Tensor) -> Tensor:
        mean = normed(values, "gate_norm").mean((1, 2), keepdim=True)
        hidden = _gelu(mean @ state["reduce.weight"].T + state["reduce.bias"])
        return values / (1 + torch.exp(-(hidden @ state["expand.weight"].T + state["expand.bias"])))

    n = normed(x.movedim(1, -1), "norm")
    u, z = (n @ state["scan.project_in.weight"].T).chunk(2, -1)
    u = _filtered(u, state["scan.conv.weight"][:, 0], state["scan.conv.bias"])
    u = normed(_scanned(u / (1 + torch.exp(-u)), state), "scan.norm")
    broad = u * z / (1 + torch.exp(-z)) @ state["scan.project_out.weight"].T
    local = _filtered(n, state["conv.weight"][:, 0], state["conv.bias"])
    mean, variance = state["conv_norm.running_mean"], state["conv_norm.running_var"]
    if training:
        mean, variance = local.mean((0, 1, 2)), local.var((0, 1, 2), correction=0)
    local = (local - mean) / (variance + 1e-5).sqrt() * state["conv_norm.weight"] + state["conv_norm.bias"]
    local = _gelu(local) @ state["pointwise.weight"].T + state["pointwise.bias"]
    return x + (weighed(broad) + weighed(local)).movedim(-1, 1)


def _gelu(values: Tensor) -> Tensor:
    return values * (1 + torch.erf(values / 2**0.5)) / 2


def _filtered(u: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    _, H, W, _ = u.shape
    result = bias.expand_as(u).clone()
    for i in range(H):
        for j in range(W):
            for r in range(max(i - 1, 0), min(i + 2, H)):
                for s in range(max(j - 1, 0), min(j + 2, W)):
                    result[:, i, j] += weight[:, r - i + 1, s - j + 1] * u[:, r, s]
    return result


def _scanned(u: Tensor, state: dict[str, Tensor]) -> Tensor:
    _, H, W, _ = u.shape
    y = torch.zeros_like(u)
    for path, (p, q) in enumerate(((0, 0), (1, 0), (0, 1), (1, 1))):
        order = [(i, j) for i in range(p, H + H % 2, 2) for j in range(q, W + W % 2, 2)]
        order = sorted(order, key=lambda place: place[::-1]) if p else order
        A = -state["scan.ssm.log_decay"][path].exp()
        N = A.shape[1]
        h = torch.zeros(len(u), *A.shape, dtype=u.dtype)
        for i, j in order:
            v = u[:, i, j] if i < H and j < W else torch.zeros_like(u[:, 0, 0])
            made = v @ state["scan.ssm.project"][path].T
            step = made[:, : -2 * N] @ state["scan.ssm.step_weight"][path].T
            step = torch.log(1 + torch.exp(step + state["scan.ssm.step_bias"][path]))[..., None]
            h = torch.exp(step * A) * h + step * made[:, None, -2 * N : -N] * v[..., None]
            if i < H and j < W:
                y[:, i, j] = (h * made[:, None, -N:]).sum(-1) + state["scan.ssm.skip"][path] * v
    return y


@final
class EfficientVisualStateSpace2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        states: int = 16,
        *,
        expand: int = 2,
        reduction: int = 8,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not 1 <= reduction <= channels:
            raise ArgumentError(f"expected reduction from 1 to channels = {channels}, got {reduction}")
        self.channels = channels
        hidden = channels // reduction
        self.norm = nn.LayerNorm(channels, device=device, dtype=dtype)
        self.scan = AtrousSelectiveScan2d(channels, states, expand=expand, device=device, dtype=dtype)
        self.conv = LocalFilter2d(channels, device=device, dtype=dtype)
        self.conv_norm = nn.BatchNorm2d(channels, device=device, dtype=dtype)
        self.pointwise = nn.Linear(channels, channels, device=device, dtype=dtype)
        self.gate_norm = nn.LayerNorm(channels, device=device, dtype=dtype)
        self.reduce = nn.Linear(channels, hidden, device=device, dtype=dtype)
        self.expand = nn.Linear(hidden, channels, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        normed = self.norm(x.movedim(1, -1)).movedim(-1, 1)
        local = F.gelu(self.conv_norm(self.conv(normed))).movedim(1, -1)
        both = self._weighed(self.scan(normed).movedim(1, -1)) + self._weighed(self.pointwise(local))
        return x + both.movedim(-1, 1)

    def _weighed(self, values: Tensor) -> Tensor:
        """values (B, H, W, C) -> the same, each channel scaled."""
        mean = self.gate_norm(values).mean((1, 2), keepdim=True)
        return values * self.expand(F.gelu(self.reduce(mean))).sigmoid()

    def cost(self, shape: Shape) -> Cost:
        B, C, *spatial = shape
        hidden = self.reduce.out_features
        gate = matmul_cost(B, C, hidden) + matmul_cost(B, hidden, C)
        local = self.conv.cost(shape) + pointwise_cost((B, C, product(spatial)), C)
        return self.scan.cost(shape) + local + gate * 2


def _mixer(channels: int, spatial: Shape) -> EfficientVisualStateSpace2d:
    return EfficientVisualStateSpace2d(channels)


CARD = Card(
    operators=(EfficientVisualStateSpace2d,),
    reference=reference,
    papers=(
        Paper(
            "Pei, Huang and Xu",
            2024,
            "EfficientVMamba: Atrous Selective Scan for Light Weight Visual Mamba",
            "https://arxiv.org/abs/2403.09977",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 4, 2, 3), lambda: EfficientVisualStateSpace2d(4, 2, expand=1, reduction=1)),
        Case((2, 4, 3, 2), lambda: EfficientVisualStateSpace2d(4, 1, expand=1, reduction=2)),
    ),
    refuses=(
        BadInput((2, 4, 3, 3), lambda: EfficientVisualStateSpace2d(8), says="C = 8"),
        BadInput((2, 8, 5), lambda: EfficientVisualStateSpace2d(8), says="(B, C, H, W)"),
    ),
    mixer=_mixer,
)
