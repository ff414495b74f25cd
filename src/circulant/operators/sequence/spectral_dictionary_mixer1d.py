r"""Spectral dictionary: each position is a sum of waves shared by all sequences, weighted by what it reads.

    c[b, k, l] = bias[k] + sum_{d, m} encoder[k, d, m] x[b, d, l - m]
    y[b, d, l] = sum_k c[b, k, l] amplitude[k, d] cos(frequency[k, d] l + phase[k, d])

Shapes: x (B, C, L) -> y (B, C, L) of any length; encoder (K, C, M); amplitude, frequency (radians per sample)
and phase (K, C). The K atoms run over position and know nothing of x; the work is linear in L. Mixing over
positions is left to the M taps of the encoder, which look back: y at l depends on x from l - M + 1 to l.
The paper's abstract and its figure were at hand, which calls the encoder a convolution and the
coefficients soft; that it is causal, which a language model needs, and without a softmax, is our reading.
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

State = tuple[Tensor, Tensor]


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    encoder, bias = state["encoder"], state["bias"]
    rows = []
    for l in range(x.shape[2]):
        coefficients = bias.expand(len(x), -1)
        for m in range(min(encoder.shape[2], l + 1)):
            coefficients = coefficients + x[:, :, l - m] @ encoder[:, :, m].T
        atoms = state["amplitude"] * torch.cos(state["frequency"] * l + state["phase"])
        rows.append(coefficients @ atoms)
    return torch.stack(rows, -1)


@final
class SpectralDictionaryMixer1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        atoms: int = 64,
        taps: int = 3,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(channels, atoms, taps) < 1:
            sizes = f"{channels}, {atoms} and {taps}"
            raise ArgumentError(f"expected channels, atoms and taps of 1 or more, got {sizes}")
        self.channels, self.atoms, self.taps = channels, atoms, taps
        self.encoder = nn.Parameter(torch.empty(atoms, channels, taps, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(atoms, device=device, dtype=dtype))
        self.amplitude = nn.Parameter(torch.empty(atoms, channels, device=device, dtype=dtype))
        self.frequency = nn.Parameter(torch.empty(atoms, channels, device=device, dtype=dtype))
        self.phase = nn.Parameter(torch.empty(atoms, channels, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The encoder as torch draws a convolution; atoms such that y has about the variance of c."""
        bound = (self.channels * self.taps) ** -0.5
        for parameter in (self.encoder, self.bias):
            nn.init.uniform_(parameter, -bound, bound)
        nn.init.normal_(self.amplitude, std=(2 / self.atoms) ** 0.5)
        nn.init.uniform_(self.frequency, 0, torch.pi)
        nn.init.uniform_(self.phase, -torch.pi, torch.pi)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return self.decode(self.coefficients(x))

    def coefficients(self, x: Tensor) -> Tensor:
        """The weights c (B, atoms, L) of the atoms at each position."""
        return self._encoded(x, self.taps - 1)

    def decode(self, coefficients: Tensor) -> Tensor:
        """Weights c (B, atoms, L) of the atoms -> y (B, C, L)."""
        return self._decoded(coefficients, torch.arange(coefficients.shape[-1], device=coefficients.device))

    def _encoded(self, x: Tensor, before: int) -> Tensor:
        encoder = self.encoder.flip(-1)
        return convolution(x, encoder, self.bias, stride=(1,), padding=((before, 0),), dilation=(1,))

    def dictionary(self, position: Tensor) -> Tensor:
        """All atoms at positions (L) -> (L, atoms, C)."""
        # in float64, of which a part of one turn is left: in float32 late positions would lose their phase
        angle = position.double()[:, None, None] * self.frequency.double() + self.phase.double()
        return self.amplitude * angle.remainder(2 * torch.pi).to(self.amplitude.dtype).cos()

    def _decoded(self, coefficients: Tensor, position: Tensor) -> Tensor:
        atoms = self.dictionary(position).to(coefficients.dtype)
        return (coefficients.permute(2, 0, 1) @ atoms).permute(1, 2, 0)

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> State:
        """The zeros before the first sample, and its position."""
        before = torch.zeros(batch, self.channels, self.taps - 1, device=device, dtype=dtype)
        return before, torch.zeros(1, dtype=torch.int64, device=device)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        history, start = state
        seen, length = torch.cat([history, x], dim=-1), x.shape[-1]
        y = self._decoded(self._encoded(seen, 0), start + torch.arange(length, device=x.device))
        return y, (seen[..., length:], start + length)

    def cost(self, shape: Shape) -> Cost:
        B, C, L = shape
        problem = convolution_problem(shape, tuple(self.encoder.shape), padding=((self.taps - 1, 0),))
        return problem_cost(problem) + matmul_cost(B, self.atoms, C) * L

    def extra_repr(self) -> str:
        return f"{self.channels}, atoms={self.atoms}, taps={self.taps}"


def _mixer(channels: int, spatial: Shape) -> SpectralDictionaryMixer1d:
    return SpectralDictionaryMixer1d(channels, 32)


CARD = Card(
    operators=(SpectralDictionaryMixer1d,),
    reference=reference,
    papers=(
        Paper(
            "Kiruluta",
            2025,
            "From Attention to Atoms: Spectral Dictionary Learning for Fast, Interpretable Language Models",
            "https://arxiv.org/abs/2505.00033",
        ),
    ),
    laws=frozenset({Law.CAUSAL, Law.LINEAR, Law.STREAMS}),
    cases=(
        Case((2, 3, 6), lambda: SpectralDictionaryMixer1d(3, 4)),
        Case((1, 2, 5), lambda: SpectralDictionaryMixer1d(2, 3, 1)),
        Case((2, 1, 2), lambda: SpectralDictionaryMixer1d(1, 2, 4)),
    ),
    refuses=(
        BadInput((2, 4, 6), lambda: SpectralDictionaryMixer1d(3), says="C = 3"),
        BadInput((3, 6), lambda: SpectralDictionaryMixer1d(3), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
