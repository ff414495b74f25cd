r"""Spectral convolution over space and time that answers at any number of times.

    Y[b, o, k] = sum_i weight[i, o, k] X[b, i, k] + delta bias[k] where all |k_a| are low, else 0
    X = rfftn(x) / (H W T),   y = the trigonometric polynomial of coefficients Y, at `steps` times

Shapes: x (B, I, H, W, T) -> y (B, O, H, W, S), S = steps or T; weight (I, O, 2 m_1, 2 m_2, m_3, 2) of pairs,
bias (2 m_1, 2 m_2, m_3, 2), for frequencies 0 .. m - 1 and -m .. -1 along both axes of space and 0 .. m_3 - 1
along time (the authors keep the four corners in tensors of their own). pad_time lays T zeros before x and
takes only what follows them, so that the beginning and the end of time do not meet.

Deviation: coefficients are means here, and values do not depend on S; the authors' transforms are not
normalised there and back, so that asking for twice the steps halves what comes out.
"""

from collections.abc import Iterable
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, per_axis, product
from circulant.engine.costs import transform_cost
from circulant.engine.low_frequencies import from_low_frequencies, low_frequencies
from circulant.operators.spectral.spectral_conv import channel_product
from circulant.problems.transform import TransformKind

BIAS_STRENGTH = 0.1  # delta
MIXER_MODES = (4, 4, 4)


def reference(
    x: Tensor, state: dict[str, Tensor], modes: Shape = (1, 1, 1), steps: int = 0, pad_time: bool = False
) -> Tensor:
    _, _, H, W, T = x.shape
    before = T if pad_time else 0
    S, total = steps or T, before + T
    weight = torch.view_as_complex(state["weight"])
    rows, columns = torch.arange(H)[:, None, None] / H, torch.arange(W)[:, None] / W
    y = torch.zeros(())
    for i, k_1 in enumerate([*range(modes[0]), *range(-modes[0], 0)]):
        for j, k_2 in enumerate([*range(modes[1]), *range(-modes[1], 0)]):
            for k in range(modes[2]):
                seen = k_1 * rows + k_2 * columns + k * torch.arange(before, total) / total
                wave = torch.exp(-2j * torch.pi * seen.to(weight.dtype)) / (H * W * total)
                Y = torch.tensordot((x * wave).sum((2, 3, 4)), weight[:, :, i, j, k], 1)
                if "bias" in state:
                    Y = Y + 0.1 * torch.view_as_complex(state["bias"])[i, j, k]
                ends = before + S
                asked = k_1 * rows + k_2 * columns + k * torch.arange(before, ends) / ends
                wave = torch.exp(2j * torch.pi * asked.to(weight.dtype))
                has_mirror_image = 2 * k not in (0, ends)
                y = y + (1 + has_mirror_image) * (Y[..., None, None, None] * wave).real
    return y


@final
class SpatiotemporalSpectralConv3d(Operator):
    ndims = (3,)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        modes: int | Iterable[int],
        *,
        steps: int | None = None,
        pad_time: bool = False,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.modes = per_axis(modes, 3, "modes")
        if min(in_channels, out_channels, *self.modes) < 1 or (steps is not None and steps < 1):
            sizes = f"{in_channels}, {out_channels}, {self.modes} and {steps}"
            raise ArgumentError(f"expected channels, modes and steps of 1 or more, got {sizes}")
        self.steps, self.pad_time = steps, pad_time
        kept = (2 * self.modes[0], 2 * self.modes[1], self.modes[2], 2)
        self.weight = nn.Parameter(torch.empty(in_channels, out_channels, *kept, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(kept, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Both parts of the weights uniform from 0 to 1 / (2 I O), no bias, as published."""
        nn.init.uniform_(self.weight, 0.0, 0.5 / (self.in_channels * self.out_channels))
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.in_channels, self.ndims)
        H, W, T = x.shape[2:]
        before = T if self.pad_time else 0
        seen, asked = (H, W, before + T), (H, W, before + (self.steps or T))
        self._require_room(seen, asked)
        low = low_frequencies(F.pad(x, (before, 0)), self.modes) * (1 / product(seen))
        mixed = channel_product(low, self.weight.to(low.dtype))
        if self.bias is not None:
            mixed = mixed + BIAS_STRENGTH * self.bias.to(low.dtype)
        y = from_low_frequencies(mixed * product(asked), self.modes, asked)
        return y.narrow(-1, before, asked[-1] - before)

    def _require_room(self, *grids: Shape) -> None:
        least = (2 * self.modes[0], 2 * self.modes[1], max(1, 2 * self.modes[2] - 2))
        for sizes in grids:
            if any(n < m for n, m in zip(sizes, least)):
                raise ShapeError(
                    f"expected {least} samples or more for modes={self.modes}, got {sizes}; take fewer modes"
                )

    def widened(self, modes: int | Iterable[int]) -> "SpatiotemporalSpectralConv3d":
        """The same function with more modes: the new ones have weights of zero."""
        new = SpatiotemporalSpectralConv3d(
            self.in_channels, self.out_channels, modes, steps=self.steps, pad_time=self.pad_time,
            bias=self.bias is not None, device=self.weight.device, dtype=self.weight.dtype,
        )  # fmt: skip
        if any(n < m for n, m in zip(new.modes, self.modes)):
            raise ArgumentError(f"expected modes of {self.modes} or more, got {new.modes}")
        (m_1, m_2, m_3), (n_1, n_2, _) = self.modes, new.modes
        with torch.no_grad():
            new.weight.zero_()
            for rows, wide_rows in ((slice(m_1), slice(m_1)), (slice(m_1, None), slice(2 * n_1 - m_1, None))):
                for part, wide in ((slice(m_2), slice(m_2)), (slice(m_2, None), slice(2 * n_2 - m_2, None))):
                    new.weight[:, :, wide_rows, wide, :m_3] = self.weight[:, :, rows, part]
                    if new.bias is not None and self.bias is not None:
                        new.bias[wide_rows, wide, :m_3] = self.bias[rows, part]
        return new

    def cost(self, shape: Shape) -> Cost:
        B, I, H, W, T = shape
        before, O = T if self.pad_time else 0, self.out_channels
        forward = transform_cost(TransformKind.RFFT, B * I, H, W, before + T)
        back = transform_cost(TransformKind.RFFT_ADJOINT, B * O, H, W, before + (self.steps or T))
        return forward + back + matmul_cost(B, 2 * I, 2 * O) * product(self.weight.shape[2:-1])

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, modes={self.modes}, steps={self.steps}"


def _mixer(channels: int, spatial: Shape) -> SpatiotemporalSpectralConv3d:
    least = [max(1, min(m, n // 2)) for m, n in zip(MIXER_MODES, spatial)]
    return SpatiotemporalSpectralConv3d(channels, channels, least)


CARD = Card(
    operators=(SpatiotemporalSpectralConv3d,),
    reference=reference,
    papers=(
        Paper(
            "Cao, Brarda, Li and Xi",
            2024,
            "Spectral-Refiner: Fine-Tuning of Accurate Spatiotemporal Neural Operator for Turbulent Flows",
            "https://arxiv.org/abs/2405.17211",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case(
            (2, 2, 2, 3, 3),
            lambda: SpatiotemporalSpectralConv3d(2, 1, (1, 1, 2), steps=4),
            {"modes": (1, 1, 2), "steps": 4},
        ),
        Case(
            (1, 1, 4, 2, 2),
            lambda: SpatiotemporalSpectralConv3d(1, 2, (2, 1, 2), steps=1, pad_time=True),
            {"modes": (2, 1, 2), "steps": 1, "pad_time": True},
        ),
        Case(
            (1, 2, 3, 2, 2),
            lambda: SpatiotemporalSpectralConv3d(2, 2, (1, 1, 2), bias=False),
            {"modes": (1, 1, 2)},
        ),
    ),
    refuses=(
        BadInput((2, 5, 8, 8, 4), lambda: SpatiotemporalSpectralConv3d(4, 4, 2), says="C = 4"),
        BadInput((2, 4, 3, 8, 8), lambda: SpatiotemporalSpectralConv3d(4, 4, 2), says="(4, 4, 2) samples"),
        BadInput((2, 4, 8, 8, 8), lambda: SpatiotemporalSpectralConv3d(4, 4, 0), says="1 or more"),
    ),
    mixer=_mixer,
)
