r"""Convolution of pictures with a slice of three-dimensional kernels, moved by what each picture says.

    y[b] = slice(V[b], K // 2) * x[b],   V[b] = Re ifftn(exp(-2 pi i sum_a (R[b] f)_a) fftn(weight))

R[b] = I + theta N, with N the skew matrix of a unit axis n: four numbers for each picture, from 1x1 (16
channels), norm, ReLU, 1x1 and a softmax-weighted mean over the places; theta = pi / 4 tanh(.). Volumes are
convolved with the three-dimensional kernel as it is.
Shapes: x (B, I, *spatial) -> y (B, O, *output_spatial), pictures or volumes; weight (O, I / groups, K, K, K).

What is called a rotation of frequencies is a circular shift of the kernel by R^T (1, 1, 1) samples: at theta
= 0 by one sample along each axis, the slice being the one before the middle. The shift is a small matrix for
each picture, so that no transform runs. Sizes are those of both kinds of input: one K, stride, padding and
dilation for all axes. As published there is no bias, and kernels start as by He for fan-out. Deviation: the
published layer leaves its dilation unused.
"""

from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import conv_settings
from circulant.engine.convolution import convolution
from circulant.operators.spatial.axis_angle import AxisAngle
from circulant.operators.spatial.phase_shift import phase_shift_kernel, shift_matrix

EXPORTS = (phase_shift_kernel,)


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    training: bool = False,
) -> Tensor:
    weight = state["weight"]
    if x.ndim == 5:
        return torch.stack([_correlate(one, weight, stride, padding, dilation, groups) for one in x])
    axis, theta = _axis(x, state, training)
    K = weight.shape[-1]
    f = torch.tensor([k / K if 2 * k < K else k / K - 1 for k in range(K)], dtype=x.dtype)
    grid = torch.stack([f[:, None, None].expand(K, K, K), f[:, None].expand(K, K, K), f.expand(K, K, K)], -1)
    index = torch.arange(K).to(x)
    angle = 2 * torch.pi * torch.outer(f, index)
    wave = torch.complex(angle.cos(), -angle.sin())
    spectrum = torch.einsum("oixyz,ax,by,cz->oiabc", weight.to(wave.dtype), wave, wave, wave)
    ys = []
    for b in range(len(x)):
        nx, ny, nz = axis[b]
        zero = torch.zeros_like(nx)
        skew = torch.stack([zero, -nz, ny, nz, zero, -nx, -ny, nx, zero]).view(3, 3)
        turned = (grid @ (torch.eye(3).to(x) + theta[b] * skew).T).sum(-1) * 2 * torch.pi
        moved = spectrum * torch.complex(turned.cos(), -turned.sin())
        back = torch.einsum("oiabc,ax,by,cz->oixyz", moved, wave.conj(), wave.conj(), wave.conj()).real / K**3
        ys.append(_correlate(x[b], back[:, :, K // 2], stride, padding, dilation, groups))
    return torch.stack(ys)


def _axis(x: Tensor, state: dict[str, Tensor], training: bool) -> tuple[Tensor, Tensor]:
    z = torch.einsum("oi,bihw->bohw", state["look.map.0.weight"][:, :, 0, 0], x)
    z = z + state["look.map.0.bias"][:, None, None]
    if training:
        mean, variance = z.mean((0, 2, 3)), z.var((0, 2, 3), correction=0)
    else:
        mean, variance = state["look.map.1.running_mean"], state["look.map.1.running_var"]
    scale = state["look.map.1.weight"] / (variance + 1e-5).sqrt()
    z = (z - mean[:, None, None]) * scale[:, None, None] + state["look.map.1.bias"][:, None, None]
    z = z.clamp(min=0)
    z = torch.einsum("oi,bihw->bohw", state["look.map.3.weight"][:, :, 0, 0], z)
    z = (z + state["look.map.3.bias"][:, None, None]).flatten(2)
    shares = torch.exp(z) / torch.exp(z).sum(-1, keepdim=True)
    four = (z * shares).sum(-1)
    axis = four[:, :3] / ((four[:, :3] ** 2).sum(1, keepdim=True).sqrt() + 1e-8)
    return axis, torch.tanh(four[:, 3]) * torch.pi / 4


def _correlate(one: Tensor, kernel: Tensor, stride: int, padding: int, dilation: int, groups: int) -> Tensor:
    O, I, *taps = kernel.shape
    outer = one.new_zeros(len(one), *(n + 2 * padding for n in one.shape[1:]))
    inside: Any = (..., *(slice(padding, padding + n) for n in one.shape[1:]))
    outer[inside] = one
    out = [(n - dilation * (k - 1) - 1) // stride + 1 for n, k in zip(outer.shape[1:], taps)]
    y = one.new_zeros(O, *out)
    for tap in torch.cartesian_prod(*map(torch.arange, taps)).view(-1, len(taps)).tolist():
        ends = [dilation * m + stride * (n - 1) + 1 for m, n in zip(tap, out)]
        met: Any = tuple(slice(dilation * m, end, stride) for m, end in zip(tap, ends))
        for o in range(O):
            for i in range(I):
                y[o] += kernel[(o, i, *tap)] * outer[(o // (O // groups) * I + i, *met)]
    return y


@final
class CrossDimensionalConv(Operator):
    ndims = (2, 3)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int | str = 0,
        dilation: int = 1,
        groups: int = 1,
        padding_mode: str = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        hidden: int = 16,
    ) -> None:
        super().__init__()
        given = (in_channels, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode)
        self.flat, self.deep = conv_settings(2, *given), conv_settings(3, *given)
        shape = self.deep.weight_shape
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.look = AxisAngle(in_channels, hidden, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def shift(self, x: Tensor) -> Tensor:
        """By how many samples each picture's kernels are moved: R^T (1, 1, 1), (B, 3)."""
        axis, theta = self.look(x)
        return 1 - theta[:, None] * (axis.roll(-1, 1) - axis.roll(-2, 1))

    def kernels(self, shift: Tensor) -> Tensor:
        """shift (B, 3) -> the slices in the middle of the moved kernels (B, O, I / groups, K, K)."""
        K = self.weight.shape[-1]
        matrix = shift_matrix(shift, (K, K, K), ((K // 2, K // 2 + 1), (0, K), (0, K)))
        slices = self.weight.flatten(2).flatten(0, 1) @ matrix.mT
        return slices.view(-1, *self.flat.weight_shape)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.flat.in_channels, self.ndims)
        if x.ndim == 5:
            return self.deep.convolve(x, self.weight, None)
        s, (B, _, H, W) = self.flat, x.shape
        if B == 0:  # no picture has kernels: any of them give the empty result
            return s.convolve(x, self.weight[:, :, 0], None)
        y = convolution(
            x.reshape(1, -1, H, W), self.kernels(self.shift(x)).flatten(0, 1), stride=s.stride,
            padding=s.padding, dilation=s.dilation, groups=B * s.groups, boundary=s.boundary,
        )  # fmt: skip
        return y.view(B, s.out_channels, *y.shape[2:])

    def cost(self, shape: Shape) -> Cost:
        if len(shape) == 5:
            return self.deep.cost(shape)
        O, I, K, *_ = self.weight.shape
        moving = matmul_cost(O * I, K**3, K**2) * shape[0]
        return self.flat.cost(shape) + self.look.cost(shape) + moving

    def extra_repr(self) -> str:
        return str(self.deep)


CARD = Card(
    operators=(CrossDimensionalConv,),
    reference=reference,
    papers=(
        Paper(
            "Yavuz and Yang",
            2024,
            "Cross-D Conv: Cross-Dimensional Transferable Knowledge Base via Fourier Shifting Operation",
            "https://arxiv.org/abs/2411.02441",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((3, 2, 4, 5), lambda: CrossDimensionalConv(2, 3, 3, padding=1, hidden=3), {"padding": 1}),
        Case(
            (2, 4, 5, 6),
            lambda: CrossDimensionalConv(4, 2, 2, 2, 1, 2, 2, hidden=3),
            {"stride": 2, "padding": 1, "dilation": 2, "groups": 2},
        ),
        Case((2, 1, 4, 4), lambda: CrossDimensionalConv(1, 2, 1, hidden=2)),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: CrossDimensionalConv(3, 3, 3), says="C = 3"),
        BadInput((2, 3, 8), lambda: CrossDimensionalConv(3, 3, 3), says="(B, C, H, W) or (B, C, D, H, W)"),
        BadInput((2, 3, 8, 8), lambda: CrossDimensionalConv(3, 4, 3, groups=3), says="multiples of groups"),
    ),
    mixer=lambda channels, spatial: CrossDimensionalConv(channels, channels, 3, padding=1),
)
