r"""Learnable time-frequency filter: a causal bank of kernels takes each channel apart, gains weigh the parts.

    y[b, c, l] = sum_f synthesis[f] gain[c, f] sum_m analysis[f, m] x[b, c, l - m]

Shapes: x (B, C, L) -> y (B, C, L); analysis (F, K), synthesis (F), gain (C, F). The bank is shared by all
channels, so that the parameters are few beside those of the network whose activations it filters; all of them
are learnt from scratch. Without a nonlinearity in between it is one causal kernel (C, K) per channel,
`impulse_response()`, and computed as such. `fourier_()` sets the bank to the transform of the last K samples
and unit gains, which gives x back. Of the paper the abstract and a summary were at hand, which speaks of two
layers of convolution and 144 kernels; gains of each channel's own are our reading. The residual belongs to
the network around.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.convolution import convolution
from circulant.engine.costs import convolution_problem, problem_cost
from circulant.engine.streaming import initial_history

KERNELS = 144  # of the published bank


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    analysis, synthesis, gain = (state[name] for name in ("analysis", "synthesis", "gain"))
    y = torch.zeros_like(x)
    for l in range(x.shape[2]):
        for f in range(len(synthesis)):
            coefficient = torch.zeros_like(x[:, :, l])
            for m in range(min(l + 1, analysis.shape[1])):
                coefficient = coefficient + analysis[f, m] * x[:, :, l - m]
            y[:, :, l] += synthesis[f] * gain[:, f] * coefficient
    return y


@final
class LearnableTimeFrequencyFilter1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        taps: int = 32,
        kernels: int = KERNELS,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(channels, taps, kernels) < 1:
            sizes = f"{channels}, {taps} and {kernels}"
            raise ArgumentError(f"expected channels, taps and kernels of 1 or more, got {sizes}")
        self.channels, self.taps, self.kernels = channels, taps, kernels
        self.analysis = nn.Parameter(torch.empty(kernels, taps, device=device, dtype=dtype))
        self.synthesis = nn.Parameter(torch.empty(kernels, device=device, dtype=dtype))
        self.gain = nn.Parameter(torch.empty(channels, kernels, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Drawn such that y starts out with about the variance of x."""
        nn.init.normal_(self.analysis, std=self.taps**-0.5)
        nn.init.normal_(self.synthesis, std=self.kernels**-0.5)
        nn.init.ones_(self.gain)

    @torch.no_grad()
    def fourier_(self) -> None:
        """Analysis by cosines and sines of the last K samples, whose sum is the newest of them."""
        frequency = torch.arange(self.taps // 2 + 1, dtype=torch.float64)
        if self.kernels < 2 * len(frequency):
            raise ArgumentError(
                f"expected {2 * len(frequency)} kernels or more for a transform of {self.taps} samples, "
                f"got {self.kernels}"
            )
        angle = 2 * torch.pi / self.taps * (frequency[:, None] * torch.arange(self.taps) % self.taps)
        has_mirror_image = (frequency > 0) & (2 * frequency < self.taps)
        bank = torch.zeros(self.kernels, self.taps, dtype=torch.float64)
        bank[: 2 * len(frequency)] = torch.cat([angle.cos(), angle.sin()])
        weights = torch.zeros(self.kernels, dtype=torch.float64)
        weights[: len(frequency)] = (1 + has_mirror_image.double()) / self.taps
        self.analysis.copy_(bank)
        self.synthesis.copy_(weights)
        self.gain.fill_(1)

    def impulse_response(self) -> Tensor:
        """The one causal kernel of each channel -> (C, K)."""
        return (self.gain * self.synthesis) @ self.analysis

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return self._filtered(x, self.taps - 1)

    def _filtered(self, x: Tensor, before: int) -> Tensor:
        """A short kernel is convolved directly: what comes later does not change a bit."""
        kernel = self.impulse_response().flip(-1)[:, None]
        return convolution(
            x, kernel, stride=(1,), padding=((before, 0),), dilation=(1,), groups=self.channels
        )

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        return initial_history(batch, self.channels, self.taps, device=device, dtype=dtype)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        seen = torch.cat([state, x], dim=-1)
        return self._filtered(seen, 0), seen[..., x.shape[-1] :]

    def cost(self, shape: Shape) -> Cost:
        C, K = self.channels, self.taps
        problem = convolution_problem(shape, (C, 1, K), padding=((K - 1, 0),), groups=C)
        return problem_cost(problem) + matmul_cost(C, self.kernels, K)

    def extra_repr(self) -> str:
        return f"{self.channels}, taps={self.taps}, kernels={self.kernels}"


def _mixer(channels: int, spatial: Shape) -> LearnableTimeFrequencyFilter1d:
    return LearnableTimeFrequencyFilter1d(channels, min(32, spatial[0]))


CARD = Card(
    operators=(LearnableTimeFrequencyFilter1d,),
    reference=reference,
    papers=(
        Paper(
            "Verma and Pilanci",
            2024,
            "Towards Signal Processing In Large Language Models",
            "https://arxiv.org/abs/2406.10254",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.CAUSAL, Law.DEPTHWISE, Law.STREAMS}),
    cases=(
        Case((2, 3, 9), lambda: LearnableTimeFrequencyFilter1d(3, 4, 5)),
        Case((1, 2, 3), lambda: LearnableTimeFrequencyFilter1d(2, 6, 2)),
        Case((2, 1, 4), lambda: LearnableTimeFrequencyFilter1d(1, 1, 1)),
    ),
    refuses=(
        BadInput((2, 4, 9), lambda: LearnableTimeFrequencyFilter1d(3), says="C = 3"),
        BadInput((3, 9), lambda: LearnableTimeFrequencyFilter1d(3), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
