r"""Global HyperZZW: a kernel as large as the picture, made from coordinates and multiplied by the picture.

    y[b, c] = (x[b, c] * W[c]) @ z[b, c],   z = I(R(x) + R'(x * W))

W (C, S, S) comes from a slow net, a small network of sines on coordinates in [-1, 1]; R and R' are recursive
gated units, and I standardises each channel of each example. @ is the matrix product: row h of y adds up the
rows of z with weights that differ from picture to picture.
Shapes: x (B, C, S, S) -> y (B, C, S, S); pictures are square, of the size that the slow net was made for.

`hyper_zzw(x, W, z)` is the operator for any z: in the network of the paper three of them share one x * W.
`frequency` scales the sines. The published code reads it from a setting that it does not hold; 1 starts with
waves of a few taps and more at S = 32.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.operators.dynamic.context_slow_net import ContextSlowNet
from circulant.operators.dynamic.hyper_gates import HyperChannelGate2d, HyperGate2d
from circulant.operators.dynamic.recursive_gated_unit import RecursiveGatedUnit2d
from circulant.operators.dynamic.slow_net import SlowNet


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    kernel = _slow(state, "slow.")
    z = _gated(x, state, "from_x.") + _gated(x * kernel, state, "from_kernel.")
    return torch.einsum("bchk,bckw->bchw", x * kernel, _standardised(z))


def _slow(state: dict[str, Tensor], prefix: str) -> Tensor:
    """(C, S, S), tap by tap."""
    own = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    S, layers = own["bias"].shape[0], sum(name.startswith("linears") for name in own) // 2
    rows = []
    for i in range(S):
        for j in range(S):
            place = torch.tensor([2 * i / (S - 1) - 1, 2 * j / (S - 1) - 1]).to(own["bias"])
            z = torch.sin(own["filters.0.weight"] @ place + own["filters.0.bias"])
            for n in range(layers):
                sine = torch.sin(own[f"filters.{n + 1}.weight"] @ place + own[f"filters.{n + 1}.bias"])
                z = sine * (own[f"linears.{n}.weight"] @ z + own[f"linears.{n}.bias"]) + own["bias"][i, j]
            rows.append(own["output.weight"] @ z + own["output.bias"])
    return torch.stack(rows, 1).reshape(-1, S, S)


def _gated(x: Tensor, state: dict[str, Tensor], prefix: str) -> Tensor:
    def linear(z: Tensor, name: str) -> Tensor:
        y = torch.einsum("oi,bihw->bohw", state[f"{prefix}{name}.weight"][..., 0, 0], z)
        return y + state[f"{prefix}{name}.bias"][:, None, None] if name != "output" else y

    gated = _standardised(linear(x, "key") * linear(linear(x, "value"), "query"))
    return linear(gated * (1 + torch.erf(gated / 2**0.5)) / 2 + state[f"{prefix}place"], "output")


def _standardised(z: Tensor, eps: float = 1e-5) -> Tensor:
    centred = z - z.mean((2, 3), keepdim=True)
    return centred / torch.sqrt((centred**2).mean((2, 3), keepdim=True) + eps)


def hyper_zzw(x: Tensor, kernel: Tensor, z: Tensor) -> Tensor:
    """(x * kernel) @ z.  Shapes: x and z (B, C, S, S), kernel (C, S, S) -> (B, C, S, S)."""
    S = x.shape[-1]
    if x.ndim != 4 or x.shape[2] != S or z.shape != x.shape or kernel.shape != x.shape[1:]:
        raise ShapeError(
            f"expected x and z (B, C, S, S) and a kernel (C, S, S), got x {tuple(x.shape)}, "
            f"z {tuple(z.shape)} and kernel {tuple(kernel.shape)}"
        )
    return (x * kernel) @ z


@final
class HyperZZWGlobal2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        size: int,
        *,
        hidden: int = 64,
        layers: int = 2,
        frequency: float = 1.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if channels < 1 or size < 2:
            raise ArgumentError(
                f"expected 1 channel or more and a size of 2 or more, got {channels} and {size}"
            )
        self.channels, self.size = channels, size
        self.slow = SlowNet(
            2, size, channels, hidden, layers, frequency=frequency, device=device, dtype=dtype
        )
        self.from_x = RecursiveGatedUnit2d(channels, size, device=device, dtype=dtype)
        self.from_kernel = RecursiveGatedUnit2d(channels, size, device=device, dtype=dtype)

    def programmed(self, x: Tensor) -> Tensor:
        """x * W, the kernel that the picture has a part in (B, C, S, S)."""
        require_input(x, self.channels, self.ndims)
        if tuple(x.shape[2:]) != (self.size, self.size):
            raise ShapeError(
                f"expected a square x (B, C, H, W) with H = W = {self.size}, got {tuple(x.shape)}; cut it"
            )
        return x * self.slow().to(x.dtype)

    def standardised(self, x: Tensor, programmed: Tensor) -> Tensor:
        """z (B, C, S, S), of mean 0 and variance 1 in each channel of each example."""
        return F.instance_norm(self.from_x(x) + self.from_kernel(programmed))

    def forward(self, x: Tensor) -> Tensor:
        programmed = self.programmed(x)
        return programmed @ self.standardised(x, programmed)

    def cost(self, shape: Shape) -> Cost:
        rows = matmul_cost(self.size, self.size, self.size) * (shape[0] * shape[1])
        return self.slow.cost() + self.from_x.cost(shape) + self.from_kernel.cost(shape) + rows

    def extra_repr(self) -> str:
        return f"{self.channels}, size={self.size}"


EXPORTS = (SlowNet, ContextSlowNet, RecursiveGatedUnit2d, HyperChannelGate2d, HyperGate2d, hyper_zzw)


def _mixer(channels: int, spatial: Shape) -> HyperZZWGlobal2d:
    return HyperZZWGlobal2d(channels, spatial[0])


CARD = Card(
    operators=(HyperZZWGlobal2d,),
    reference=reference,
    papers=(
        Paper(
            "Zhang",
            2024,
            "HyperZcdotZcdotW Operator Connects Slow-Fast Networks for Full Context Interaction",
            "https://arxiv.org/abs/2401.17948",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 2, 3, 3), lambda: HyperZZWGlobal2d(2, 3, hidden=3, layers=1, frequency=0.1)),
        Case((1, 3, 4, 4), lambda: HyperZZWGlobal2d(3, 4, hidden=2, frequency=0.1)),
        Case((2, 1, 2, 2), lambda: HyperZZWGlobal2d(1, 2, hidden=3, layers=3, frequency=0.1)),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: HyperZZWGlobal2d(3, 8), says="C = 3"),
        BadInput((3, 8, 8), lambda: HyperZZWGlobal2d(3, 8), says="(B, C, H, W)"),
        BadInput((2, 3, 8, 6), lambda: HyperZZWGlobal2d(3, 8), says="square x"),
        BadInput((2, 3, 6, 6), lambda: HyperZZWGlobal2d(3, 8), says="H = W = 8"),
        BadInput((2, 3, 1, 1), lambda: HyperZZWGlobal2d(3, 1), says="size of 2 or more"),
    ),
    mixer=_mixer,
)
