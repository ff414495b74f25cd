r"""Large-small convolution: a wide look at the neighbours makes a small kernel for every position.

    w = GN(W_4 relu(BN(W_3 BN(d * relu(BN(W_1 x))))) + b_4)
    z[b, c, p] = sum_q w[b, c mod S, q, p] x[b, c, p + q - K // 2],   y = x + BN(z)

W_1 (C / 2, C) halves the channels, d is depthwise with `perceived` taps along each axis, W_4 gives K^2
numbers for each of S = C / group_channels kernels; GN is a group norm over the K^2 numbers of one kernel
and all positions, so that w, unlike its logits, sees the whole picture. Zeros lie outside x.
Shapes: x (B, C, H, W) -> y (B, C, H, W); W_4 (S K^2, C / 2).

Channels that share a kernel are interleaved, S apart. In training mode the batch norms see all examples
together.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import convolution_problem, problem_cost
from circulant.operators.dynamic.large_kernel_perception import LargeKernelPerception
from circulant.operators.dynamic.small_kernel_aggregation import small_kernel_aggregation
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.trilinear import Slot

EXPORTS = (LargeKernelPerception, small_kernel_aggregation)


def reference(
    x: Tensor, state: dict[str, Tensor], kernel_size: int = 3, training: bool = False, eps: float = 1e-5
) -> Tensor:
    B, C, H, W = x.shape
    K = kernel_size

    def mapped(z: Tensor, name: str) -> Tensor:
        return torch.einsum("oi,bihw->bohw", state[f"perception.{name}.weight"][..., 0, 0], z)

    def normed(z: Tensor, name: str) -> Tensor:
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        if training:
            mean = z.mean((0, 2, 3))
            variance = ((z - mean[:, None, None]) ** 2).mean((0, 2, 3))
        scale = state[f"{name}.weight"] / torch.sqrt(variance + eps)
        return scale[:, None, None] * (z - mean[:, None, None]) + state[f"{name}.bias"][:, None, None]

    hidden = normed(mapped(x, "reduce"), "perception.reduce_norm").clamp(min=0)
    look = state["perception.look.weight"][:, 0]
    reach, seen = look.shape[-1] // 2, torch.zeros_like(hidden)
    for i in range(look.shape[1]):
        for j in range(look.shape[2]):
            seen = seen + look[:, i, j, None, None] * _moved(hidden, i - reach, j - reach)
    mixed = normed(mapped(normed(seen, "perception.look_norm"), "mix"), "perception.mix_norm").clamp(min=0)
    logits = mapped(mixed, "span") + state["perception.span.bias"][:, None, None]
    kernels = logits.reshape(B, -1, K**2 * H * W)
    spread = torch.sqrt(((kernels - kernels.mean(2, keepdim=True)) ** 2).mean(2, keepdim=True) + eps)
    kernels = ((kernels - kernels.mean(2, keepdim=True)) / spread).reshape(logits.shape)
    weight, bias = (state[f"perception.norm.{name}"][:, None, None] for name in ("weight", "bias"))
    w = (weight * kernels + bias).reshape(B, -1, K**2, H, W)
    z = torch.zeros_like(x)
    for c in range(C):
        for tap in range(K**2):
            met = _moved(x[:, c], tap // K - K // 2, tap % K - K // 2)
            z[:, c] += w[:, c % w.shape[1], tap] * met
    return x + normed(z, "norm")


def _moved(x: Tensor, down: int, right: int) -> Tensor:
    """x (..., H, W) read at p + (down, right), zeros outside."""
    (H, W), y = x.shape[-2:], torch.zeros_like(x)
    for h in range(max(-down, 0), min(H - down, H)):
        for w in range(max(-right, 0), min(W - right, W)):
            y[..., h, w] = x[..., h + down, w + right]
    return y


@final
class LSConv2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        kernel_size: int = 3,
        *,
        perceived: int = 7,
        group_channels: int = 8,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(kernel_size, perceived) < 1 or kernel_size % 2 == 0 or perceived % 2 == 0:
            raise ArgumentError(
                f"expected odd kernels, got kernel_size = {kernel_size} and perceived = {perceived}"
            )
        if channels < 2 or group_channels < 1 or channels % group_channels:
            raise ArgumentError(
                f"expected 2 channels or more and group_channels that divide them, got channels = {channels} "
                f"and group_channels = {group_channels}"
            )
        self.channels, self.kernel_size = channels, kernel_size
        self.perception = LargeKernelPerception(
            channels, channels // group_channels, kernel_size, perceived, device=device, dtype=dtype
        )
        self.norm = nn.BatchNorm2d(channels, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        y: Tensor = x + self.norm(small_kernel_aggregation(x, self.perception(x)))
        return y

    def cost(self, shape: Shape) -> Cost:
        K, C = self.kernel_size, self.channels
        window = convolution_problem(shape, (C, 1, K, K), padding=((K // 2,) * 2,) * 2, groups=C)
        local = LocalConvProblem(torch.float32, Slot.OUTPUT, self.perception.kernels, window)
        return self.perception.cost(shape) + problem_cost(local)

    def extra_repr(self) -> str:
        return f"{self.channels}, kernel_size={self.kernel_size}"


def _mixer(channels: int, spatial: Shape) -> LSConv2d:
    return LSConv2d(channels, group_channels=8 if channels % 8 == 0 else 1)


CARD = Card(
    operators=(LSConv2d,),
    reference=reference,
    papers=(
        Paper(
            "Wang, Chen, Lin, Han and Ding",
            2025,
            "LSNet: See Large, Focus Small",
            "https://arxiv.org/abs/2503.23135",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 4, 2, 3), lambda: LSConv2d(4, perceived=3, group_channels=2)),
        Case((1, 3, 2, 3), lambda: LSConv2d(3, 5, perceived=3, group_channels=3), {"kernel_size": 5}),
        Case((2, 2, 3, 2), lambda: LSConv2d(2, perceived=3, group_channels=2)),
    ),
    refuses=(
        BadInput((2, 8, 8, 8), lambda: LSConv2d(16), says="C = 16"),
        BadInput((16, 8, 8), lambda: LSConv2d(16), says="(B, C, H, W)"),
        BadInput((2, 12, 8, 8), lambda: LSConv2d(12), says="group_channels that divide"),
        BadInput((2, 16, 8, 8), lambda: LSConv2d(16, 4), says="odd kernels"),
    ),
    mixer=_mixer,
)
