r"""Convolutional state-space model: the state is a picture, and so is what each of its steps convolves.

    h_t = A * h_{t-1} + B * x_t,   y_t = C * h_t + skip x_t

Shapes: x (B, C, T, H, W) -> y (B, C, T, H, W), time first; A (S, S, taps, taps) between all states,
B (S, C, ..), C (C, S, ..). All convolutions are circular, so that A is a matrix at each frequency, and all
frames are found by a parallel scan. A starts as 1 - dt at the centre of its diagonal, dt log-uniform from
0.001 to 0.1, and zero elsewhere. This is the paper's general model; what the paper trains is its pointwise,
complex case, ConvS5.
"""

from math import log
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.conv_scan import conv_parallel_scan, conv_parallel_scan_cost
from circulant.engine.convolution import Boundary
from circulant.operators.sequence.frame_readout import frames_convolved, frames_cost

EXPORTS = (conv_parallel_scan,)

SHORTEST_STEP, LONGEST_STEP = 0.001, 0.1


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    A, B, C = (state[f"{name}_kernel"] for name in ("state", "input", "output"))
    h, frames = torch.zeros(len(x), len(A), *x.shape[3:], dtype=x.dtype), []
    for t in range(x.shape[2]):
        h = _convolved(A, h) + _convolved(B, x[:, :, t])
        frames.append(_convolved(C, h) + state["skip"][:, None, None] * x[:, :, t])
    return torch.stack(frames, 2)


def _convolved(kernel: Tensor, frames: Tensor) -> Tensor:
    """sum_pq k[o, i, p, q] x[i, r - p, s - q] on a circular grid, p and q counted from the centre."""
    taps, total = (
        kernel.shape[-1],
        torch.zeros(len(frames), len(kernel), *frames.shape[2:], dtype=frames.dtype),
    )
    for p in range(taps):
        for q in range(taps):
            moved = frames.roll((p - taps // 2, q - taps // 2), (2, 3))
            total = total + torch.einsum("oi,bihw->bohw", kernel[:, :, p, q], moved)
    return total


@final
class ConvSSM(Operator):
    ndims = (3,)

    def __init__(
        self,
        channels: int,
        states: int,
        taps: int = 3,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(channels, states) < 1 or taps < 1 or taps % 2 == 0:
            raise ArgumentError(
                f"expected channels and states of 1 or more and odd taps, got {channels}, {states} and {taps}"
            )
        self.channels, self.states = channels, states

        def kernel(made: int, given: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(made, given, taps, taps, device=device, dtype=dtype))

        self.state_kernel, self.input_kernel = kernel(states, states), kernel(states, channels)
        self.output_kernel = kernel(channels, states)
        self.skip = nn.Parameter(torch.empty(channels, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for kernel in (self.input_kernel, self.output_kernel):
            nn.init.kaiming_normal_(kernel)
        nn.init.normal_(self.skip)
        nn.init.zeros_(self.state_kernel)
        centre = self.state_kernel.shape[-1] // 2
        with torch.no_grad():
            step = torch.empty(self.states, device="cpu").uniform_(log(SHORTEST_STEP), log(LONGEST_STEP))
            self.state_kernel[:, :, centre, centre] = torch.diag(1 - step.exp()).to(self.state_kernel)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return self._run(x, None)[0]

    def _run(self, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        driven = _per_frame(x, self.input_kernel)
        h = conv_parallel_scan(self.state_kernel.to(driven.dtype), driven, state)
        return _per_frame(h, self.output_kernel) + self.skip[:, None, None, None] * x, h[:, :, -1]

    def initial_state(
        self,
        batch: int,
        spatial: Shape,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        """(B, states, H, W)"""
        return torch.zeros(batch, self.states, *spatial, device=device, dtype=dtype)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Frames x (B, C, n, H, W) after state -> y (B, C, n, H, W), new state."""
        return self._run(x, state)

    def cost(self, shape: Shape) -> Cost:
        B, C, T, H, W = shape
        there = frames_cost((B * T, C, H, W), tuple(self.input_kernel.shape))
        back = frames_cost((B * T, self.states, H, W), tuple(self.output_kernel.shape))
        scan = conv_parallel_scan_cost((B, self.states, T, H, W), tuple(self.state_kernel.shape))
        return there + back + scan

    def extra_repr(self) -> str:
        return f"{self.channels}, states={self.states}, taps={self.state_kernel.shape[-1]}"


def _per_frame(x: Tensor, kernel: Tensor) -> Tensor:
    """torch's convolution is a correlation: the kernel is turned around."""
    frames = x.transpose(1, 2)
    y = frames_convolved(frames.flatten(0, 1), kernel.flip(-1, -2), None, Boundary.CIRCULAR)
    return y.unflatten(0, frames.shape[:2]).transpose(1, 2)


def _mixer(channels: int, spatial: Shape) -> ConvSSM:
    return ConvSSM(channels, channels)


CARD = Card(
    operators=(ConvSSM,),
    reference=reference,
    papers=(
        Paper(
            "Smith, De Mello, Kautz, Linderman and Byeon",
            2023,
            "Convolutional State Space Models for Long-Range Spatiotemporal Modeling",
            "https://arxiv.org/abs/2310.19694",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case((2, 2, 3, 3, 4), lambda: ConvSSM(2, 2)),
        Case((1, 2, 4, 2, 3), lambda: ConvSSM(2, 3, 1)),
    ),
    refuses=(
        BadInput((2, 4, 3, 3, 3), lambda: ConvSSM(3, 2), says="C = 3"),
        BadInput((2, 3, 3, 3), lambda: ConvSSM(3, 2), says="(B, C, D, H, W)"),
    ),
    mixer=_mixer,
)
