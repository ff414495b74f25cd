r"""Local HyperZZW: a small kernel made from coordinates and multiplied by what the batch looks like.

    y = gelu(N(M (K * x))) + beta,   K = slow net(coordinates, mean over b of context[b] pooled to k x k)

The slow net multiplies its sines, layer by layer, by maps of the pooled picture. * is depthwise with one
kernel (C, k, k) for the whole batch, zero padded; M maps the channels, N standardises each channel over the
batch, beta is one number.
Shapes: x (B, C, H, W) -> y (B, C, H, W); M (C, C).

The batch is one context: K and N see all its examples, in training and in evaluation, and no running means
are kept. `forward(x, context)` takes the kernel from another picture than it convolves, as the network of the
paper does. The published code stops the gradient at alpha z of the renormalisation (see ContextSlowNet) and
never updates alpha and beta; here the gradient is that of the equation, and both are parameters.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.convolution import convolution
from circulant.engine.costs import convolution_problem, pointwise_cost, problem_cost
from circulant.operators.dynamic.context_slow_net import ContextSlowNet


def reference(x: Tensor, state: dict[str, Tensor], eps: float = 1e-5) -> Tensor:
    kernel, (_, C, H, W) = _slow(x, state), x.shape
    k = kernel.shape[-1]
    outer = x.new_zeros(len(x), C, H + k - 1, W + k - 1)
    outer[:, :, k // 2 : k // 2 + H, k // 2 : k // 2 + W] = x
    z = torch.zeros_like(x)
    for i in range(k):
        for j in range(k):
            z = z + kernel[:, i, j, None, None] * outer[:, :, i : i + H, j : j + W]
    z = torch.einsum("oi,bihw->bohw", state["mix.weight"][..., 0, 0], z)
    z = z - z.mean((0, 2, 3), keepdim=True)
    z = z / torch.sqrt((z**2).mean((0, 2, 3), keepdim=True) + eps)
    return z * (1 + torch.erf(z / 2**0.5)) / 2 + state["bias"]


def _slow(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    """(C, k, k)."""
    bias, (H, W) = state["slow.net.bias"], x.shape[2:]
    k, layers = len(bias), len(state["slow.alpha"])
    taps = [(i, j) for i in range(k) for j in range(k)]

    def mean(i: int, j: int) -> Tensor:
        """Of all pictures in bin (i, j) of k x k."""
        rows, columns = (slice(n * m // k, -(-(n + 1) * m // k)) for n, m in ((i, H), (j, W)))
        return x[:, :, rows, columns].mean((0, 2, 3))

    def linear(z: Tensor, name: str) -> Tensor:
        return z @ state[f"slow.{name}.weight"].T + state[f"slow.{name}.bias"]

    seen = linear(linear(torch.stack([mean(i, j) for i, j in taps]), "reduce"), "mix")
    seen = seen * (1 + torch.erf(seen / 2**0.5)) / 2
    step = 2 / max(k - 1, 1)
    places = torch.tensor([[i * step - 1, j * step - 1] for i, j in taps]).to(x)
    z = torch.sin(linear(places, "net.filters.0"))
    for n in range(layers):
        z = torch.sin(linear(places, f"net.filters.{n + 1}")) * linear(z, f"net.linears.{n}")
        z = z + bias.reshape(-1, 1)
        z = state["slow.alpha"][n] * z + state["slow.beta"][n] * z / torch.sqrt((z**2).sum(0))
        z = z * linear(seen, f"modulate.{n}")
    return linear(z, "net.output").T.reshape(-1, k, k)


@final
class HyperZZWLocal2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        kernel_size: int = 3,
        *,
        hidden: int = 32,
        layers: int = 2,
        frequency: float = 1.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if channels < 1 or kernel_size < 1 or kernel_size % 2 == 0:
            raise ArgumentError(
                f"expected 1 channel or more and an odd kernel_size, got {channels} and {kernel_size}"
            )
        self.channels, self.kernel_size = channels, kernel_size
        self.padding = ((kernel_size // 2,) * 2,) * 2
        self.slow = ContextSlowNet(
            channels, kernel_size, hidden, layers, frequency=frequency, device=device, dtype=dtype
        )
        self.mix = nn.Conv2d(channels, channels, 1, bias=False, device=device, dtype=dtype)
        nn.init.kaiming_normal_(self.mix.weight)
        self.bias = nn.Parameter(torch.zeros(1, device=device, dtype=dtype))

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        context = x if context is None else context
        for picture in (x, context):
            require_input(picture, self.channels, self.ndims)
        if x.shape[0] == x.shape[2] == x.shape[3] == 1:
            raise ShapeError(
                f"expected 2 values or more in each channel, which can be standardised, got {tuple(x.shape)}"
            )
        z = convolution(
            x, self.slow(context).to(x.dtype)[:, None], stride=(1, 1), padding=self.padding, dilation=(1, 1),
            groups=self.channels,
        )  # fmt: skip
        y: Tensor = F.gelu(F.batch_norm(self.mix(z), None, None, training=True)) + self.bias
        return y

    def cost(self, shape: Shape) -> Cost:
        weight = (self.channels, 1, self.kernel_size, self.kernel_size)
        window = convolution_problem(shape, weight, padding=self.padding, groups=self.channels)
        return self.slow.cost() + problem_cost(window) + pointwise_cost(shape, self.channels)

    def extra_repr(self) -> str:
        return f"{self.channels}, kernel_size={self.kernel_size}"


def _mixer(channels: int, spatial: Shape) -> HyperZZWLocal2d:
    return HyperZZWLocal2d(channels)


CARD = Card(
    operators=(HyperZZWLocal2d,),
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
        Case((2, 2, 4, 3), lambda: HyperZZWLocal2d(2, hidden=3, layers=1, frequency=0.1)),
        Case((1, 3, 4, 2), lambda: HyperZZWLocal2d(3, 5, hidden=2, frequency=0.1)),
        Case((3, 2, 3, 3), lambda: HyperZZWLocal2d(2, hidden=2, frequency=0.1)),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: HyperZZWLocal2d(3), says="C = 3"),
        BadInput((3, 8, 8), lambda: HyperZZWLocal2d(3), says="(B, C, H, W)"),
        BadInput((2, 3, 8, 8), lambda: HyperZZWLocal2d(3, 4), says="odd kernel_size"),
        BadInput((1, 3, 1, 1), lambda: HyperZZWLocal2d(3), says="2 values or more"),
    ),
    mixer=_mixer,
    exempt={
        "examples_are_independent": "the kernel and the standardisation see the whole batch, by definition",
    },
)
