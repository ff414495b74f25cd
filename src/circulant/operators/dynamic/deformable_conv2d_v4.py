r"""Deformable convolution, fourth form: every tap reads where the features say, with a free weight.

    z[b, c, p] = sum_k m[b, g(c), k, p] v[b, c](p + r (q_k + o[b, g(c), k, p])),   y = W_y z + b_y
    v = W_v x + b_v,   (o, m) = W_om x' + b_om

q_k are the K^2 taps of a centred grid, `dilation` apart; r is offset_scale; v between samples is bilinear
and outside zero; g(c) = c // (C / groups). m is unbounded; `softmax=True` makes it sum to 1 over the taps,
which is the third form. x' is x, or a depthwise convolution of it (depthwise_kernel).
Shapes: x (B, C, H, W) -> y (B, C, H, W); W_om (ceil(3 K^2 groups / 8) 8, C).

For each group the rows of W_om give 2 K^2 offsets, horizontal and vertical in turn, then K^2 weights,
all with the horizontal tap as the outer index; the rows that round up to a multiple of 8 are not used.
They start at zero, so that the first output is b_y everywhere (with softmax: the mean over the grid).
With `centre_gate`, z gives way to v at its own place: z (1 - a) + v a, a = sigmoid(W_a z + b_a) per group.
"""

from itertools import product
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import convolution_problem, pointwise_cost, problem_cost
from circulant.engine.sampled_conv import sampled_conv
from circulant.operators.dynamic.tap_rows import read_rows, row_count, scaled_offset
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.sampled_conv import SampledConvProblem


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    groups: int = 1,
    kernel_size: int = 3,
    dilation: int = 1,
    offset_scale: float = 1.0,
    softmax: bool = False,
) -> Tensor:
    last = x.permute(0, 2, 3, 1)
    v = (last @ state["value.weight"].T + state["value.bias"]).unflatten(-1, (groups, -1))
    features, here = last, torch.zeros_like(last[..., 0])
    if "depthwise.weight" in state:
        kernel = state["depthwise.weight"]
        size, features = kernel.shape[-1], state["depthwise.bias"].expand(last.shape)
        for i, j in product(range(size), repeat=2):
            met = _interpolated(last, here + i - size // 2, here + j - size // 2)
            features = features + kernel[:, 0, i, j] * met
    rows = features @ state["sampling.weight"].T + state["sampling.bias"]
    K2, reach = kernel_size**2, dilation * (kernel_size // 2)
    z = torch.zeros_like(v)
    for g in range(groups):
        own = rows[..., 3 * K2 * g : 3 * K2 * (g + 1)]
        m = torch.softmax(own[..., 2 * K2 :], -1) if softmax else own[..., 2 * K2 :]
        for k in range(K2):
            right = offset_scale * (own[..., 2 * k] + dilation * (k // kernel_size) - reach)
            down = offset_scale * (own[..., 2 * k + 1] + dilation * (k % kernel_size) - reach)
            z[..., g, :] += m[..., k, None] * _interpolated(v[..., g, :], down, right)
    if "centre.weight" in state:
        score = z.flatten(-2) @ state["centre.weight"].T + state["centre.bias"]
        a = 1 / (1 + torch.exp(-score[..., None]))
        z = z * (1 - a) + v * a
    y = z.flatten(-2) @ state["output.weight"].T + state.get("output.bias", 0)
    return y.permute(0, 3, 1, 2)


def _interpolated(v: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """v (B, H, W, C) at displacements (B, H, W): all samples, each weighted by its nearness."""
    rows, columns = torch.arange(v.shape[1]), torch.arange(v.shape[2])
    vertical = (1 - (rows[:, None, None] + down[..., None] - rows).abs()).clamp(min=0)
    horizontal = (1 - (columns[:, None] + right[..., None] - columns).abs()).clamp(min=0)
    return torch.einsum("bhwu,bhws,busc->bhwc", vertical, horizontal, v)


@final
class DeformableConv2dV4(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        kernel_size: int = 3,
        *,
        groups: int = 4,
        dilation: int = 1,
        offset_scale: float = 1.0,
        depthwise_kernel: int | None = None,
        centre_gate: bool = False,
        softmax: bool = False,
        output_bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if groups < 1 or channels % groups:
            raise ArgumentError(f"expected groups to divide channels = {channels}, got {groups}")
        C, k = channels, depthwise_kernel
        if any(size < 1 or size % 2 == 0 for size in (kernel_size, 1 if k is None else k)) or dilation < 1:
            raise ArgumentError(
                f"expected odd kernels and a dilation of 1 or more, got kernel_size = {kernel_size}, "
                f"depthwise_kernel = {depthwise_kernel}, dilation = {dilation}"
            )
        self.channels, self.groups, self.offset_scale, self.softmax = channels, groups, offset_scale, softmax
        self.kernel, self.dilation = (kernel_size, kernel_size), (dilation, dilation)
        self.padding = ((dilation * (kernel_size // 2),) * 2,) * 2
        self.value = nn.Linear(channels, channels, device=device, dtype=dtype)
        self.sampling = nn.Linear(channels, row_count(groups, kernel_size), device=device, dtype=dtype)
        self.output = nn.Linear(channels, channels, output_bias, device=device, dtype=dtype)
        self.centre = nn.Linear(channels, groups, device=device, dtype=dtype) if centre_gate else None
        self.depthwise = (
            None if k is None else nn.Conv2d(C, C, k, padding=k // 2, groups=C, device=device, dtype=dtype)
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Nothing is displaced and nothing weighted yet; values and output as by Glorot and Bengio."""
        for layer in (self.value, self.output, self.sampling, self.centre):
            for parameter in () if layer is None else layer.parameters():
                nn.init.zeros_(parameter)
        nn.init.xavier_uniform_(self.value.weight)
        nn.init.xavier_uniform_(self.output.weight)
        if self.depthwise is not None:
            self.depthwise.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        features = x if self.depthwise is None else self.depthwise(x)
        v = self.value(x.movedim(1, -1)).movedim(-1, 1)
        z = self._sampled(v, self.sampling(features.movedim(1, -1)))
        if self.centre is not None:
            gate = self.centre(z.movedim(1, -1)).movedim(-1, 1).sigmoid()
            z = z + gate.repeat_interleave(self.channels // self.groups, dim=1) * (v - z)
        return torch.movedim(self.output(z.movedim(1, -1)), -1, 1)

    def _sampled(self, v: Tensor, rows: Tensor) -> Tensor:
        """v (B, C, H, W) read and summed as rows (B, H, W, row_count) say."""
        told = read_rows(rows, self.groups, self.kernel[0])
        m = told.weight.softmax(2).to(v.dtype) if self.softmax else told.weight
        o = scaled_offset(told.offset, self.offset_scale, self.kernel[0], self.dilation[0])
        return sampled_conv(v, o, m, self.kernel, stride=(1, 1), padding=self.padding, dilation=self.dilation)

    def cost(self, shape: Shape) -> Cost:
        window = self._window(shape, self.kernel[0], self.dilation[0])
        total = problem_cost(SampledConvProblem(torch.float32, self.groups, window))
        if self.depthwise is not None:
            total += problem_cost(self._window(shape, self.depthwise.kernel_size[0], 1))
        for layer in (self.value, self.sampling, self.centre, self.output):
            if layer is not None:
                total += pointwise_cost(shape, layer.out_features)
        return total

    def _window(self, shape: Shape, size: int, dilation: int) -> ConvolutionProblem:
        C, padding = self.channels, ((dilation * (size // 2),) * 2,) * 2
        return convolution_problem(
            shape, (C, 1, size, size), padding=padding, dilation=(dilation, dilation), groups=C
        )

    def extra_repr(self) -> str:
        return f"{self.channels}, kernel={self.kernel}, groups={self.groups}, softmax={self.softmax}"


def _mixer(channels: int, spatial: Shape) -> DeformableConv2dV4:
    return DeformableConv2dV4(channels, groups=4 if channels % 4 == 0 else 1)


CARD = Card(
    operators=(DeformableConv2dV4,),
    reference=reference,
    papers=(
        Paper(
            "Xiong, Li, Chen, Wang, Zhu, Luo, Wang, Lu, Li, Qiao, Lu, Zhou and Dai",
            2024,
            "Efficient Deformable ConvNets: Rethinking Dynamic and Sparse Operator for Vision Applications",
            "https://arxiv.org/abs/2401.06197",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 4, 4, 3), lambda: DeformableConv2dV4(4, groups=2), {"groups": 2}),
        Case(
            (1, 2, 3, 4),
            lambda: DeformableConv2dV4(2, groups=1, offset_scale=1.5, depthwise_kernel=3, softmax=True),
            {"offset_scale": 1.5, "softmax": True},
        ),
        Case(
            (2, 4, 3, 3),
            lambda: DeformableConv2dV4(4, groups=4, dilation=2, centre_gate=True),
            {"groups": 4, "dilation": 2},
        ),
        Case(
            (1, 2, 4, 5),
            lambda: DeformableConv2dV4(2, 5, groups=2, output_bias=False),
            {"groups": 2, "kernel_size": 5},
        ),
    ),
    refuses=(
        BadInput((2, 8, 6, 6), lambda: DeformableConv2dV4(4), says="C = 4"),
        BadInput((4, 6, 6), lambda: DeformableConv2dV4(4), says="(B, C, H, W)"),
        BadInput((2, 6, 6, 6), lambda: DeformableConv2dV4(6), says="groups to divide channels = 6"),
        BadInput((2, 4, 6, 6), lambda: DeformableConv2dV4(4, 2), says="odd kernels"),
    ),
    mixer=_mixer,
)
