"""The linear part of ConvS5: convolutions in and out, between them a damped oscillation at every position."""

from math import log
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.pairs import from_polar, times
from circulant.core.sizes import Shape
from circulant.engine.convolution import Boundary
from circulant.engine.costs import problem_cost
from circulant.engine.recurrence import linear_recurrence
from circulant.operators.sequence.discretisation import zero_order_hold
from circulant.operators.sequence.frame_readout import frames_convolved, frames_cost
from circulant.operators.sequence.hippo import hippo_modes
from circulant.problems.recurrence import RecurrenceProblem

SHORTEST_STEP, LONGEST_STEP = 0.001, 0.1
SLOWEST_DECAY = 1e-4


@final
class ConvS5System(nn.Module):
    """h_t = exp(dt a) h_{t-1} + (exp(dt a) - 1) / a (B * x_t), v_t = 2 Re(C * h_t).

    Shapes: x (B, C, T, H, W) -> v (B, C, T, H, W); the state is (B, H, W, S / 2, 2).
    """

    def __init__(
        self,
        channels: int,
        states: int,
        taps: int,
        blocks: int = 1,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(channels, blocks, states, taps) < 1 or states % (2 * blocks) or taps % 2 == 0:
            raise ArgumentError(
                f"expected states as a multiple of 2 blocks = {2 * blocks} and odd taps, "
                f"got {states} and {taps} for {channels} channels"
            )
        self.channels, self.states, self.blocks, self.taps = channels, states, blocks, taps
        half = states // 2

        def weights(*sizes: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(*sizes, device=device, dtype=dtype))

        self.log_step, self.poles = weights(half), weights(half, 2)
        self.input_kernel = weights(half, channels, taps, taps, 2)
        self.output_kernel = weights(channels, half, taps, taps, 2)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.uniform_(self.log_step, log(SHORTEST_STEP), log(LONGEST_STEP))
        modes, square = hippo_modes(self.states, self.blocks), (self.taps, self.taps)
        shapes = (self.states, self.channels, *square), (self.channels, self.states, *square)
        into, out = (nn.init.kaiming_normal_(torch.empty(*shape, device="cpu")) for shape in shapes)
        vectors = modes.vectors
        with torch.no_grad():
            self.poles.copy_(modes.poles)
            turned = torch.einsum("sn,schw->nchw", vectors.conj(), into.to(vectors))
            self.input_kernel.copy_(torch.view_as_real(turned))
            turned = torch.einsum("cshw,sn->cnhw", out.to(vectors), vectors)
            self.output_kernel.copy_(torch.view_as_real(turned))

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """v, and the state after the last frame."""
        B, _, T, H, W = x.shape
        wide = torch.promote_types(x.dtype, torch.float32)
        factor, into = self.discretised(wide)
        frames = x.transpose(1, 2).flatten(0, 1)
        driven = frames_convolved(frames, into.to(x.dtype), None, Boundary.ZEROS)
        driven = driven.unflatten(1, (self.states // 2, 2)).unflatten(0, (B, T))
        series = driven.permute(0, 4, 5, 2, 1, 3).flatten(0, 2).to(wide)
        h = linear_recurrence(factor, series, None if state is None else state.flatten(0, 2))
        h = h.unflatten(0, (B, H, W))
        pictures = h.permute(0, 4, 3, 5, 1, 2).flatten(2, 3).flatten(0, 1)
        sign = self.output_kernel.new_tensor([2.0, -2.0])  # 2 Re(c h) of pairs
        out = (self.output_kernel * sign).movedim(-1, 2).flatten(1, 2)
        v = frames_convolved(pictures.to(x.dtype), out, None, Boundary.ZEROS)
        return v.unflatten(0, (B, T)).transpose(1, 2), h[:, :, :, :, -1]

    def discretised(self, wide: torch.dtype) -> tuple[Tensor, Tensor]:
        """Factors (S / 2, 2), and the kernels in as real ones (S, C, taps, taps), parts of a pair in turn."""
        poles = self.poles.to(wide)
        poles = torch.cat([poles[:, :1].clamp(max=-SLOWEST_DECAY), poles[:, 1:]], -1)
        exponent, gain = zero_order_hold(poles, self.log_step.to(wide).exp()[:, None])
        into = times(gain[:, None, None, None], self.input_kernel.to(wide))
        factor = from_polar(exponent[:, 0].exp(), exponent[:, 1])
        return factor, into.movedim(-1, 1).flatten(0, 1)

    def initial_state(
        self,
        batch: int,
        spatial: Shape,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        """In float32 at least."""
        wide = torch.promote_types(dtype or self.poles.dtype, torch.float32)
        return torch.zeros(batch, *spatial, self.states // 2, 2, device=device, dtype=wide)

    def cost(self, shape: Shape) -> Cost:
        B, C, T, H, W = shape
        there = frames_cost((B * T, C, H, W), (self.states, C, self.taps, self.taps))
        back = frames_cost((B * T, self.states, H, W), (C, self.states, self.taps, self.taps))
        scan = RecurrenceProblem(torch.float32, B * H * W, self.states // 2, T, False, True, False, False)
        return there + back + problem_cost(scan)

    def extra_repr(self) -> str:
        return f"{self.channels}, states={self.states}, taps={self.taps}, blocks={self.blocks}"
