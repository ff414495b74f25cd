r"""Rational transfer function (RTF): a state-space model by its coefficients, whose states cost nothing.

    H_c(z) = h_0[c] + (b_1 z^-1 + .. + b_n z^-n) / (1 + a_1 z^-1 + .. + a_n z^-n)
    k[c] = irfft(rfft(0, b) / rfft(1, a)) + h_0 at lag 0,   y[b, c, l] = sum_{m <= l} k[c, m] x[b, c, l - m]

Transforms have `length` points, made even. Shapes: x (B, C, L) -> y (B, C, L) with L <= length; numerator
(C, n), denominator (groups, n), shared by C / groups channels in turn, direct (C); n < length.

b belongs to the system cut off at that length, so that its taps do not wrap around, but for tap `length`,
which falls on lag 0. The recurrence that decodes has c = b (I - A^length)^-1 with the companion matrix A,
found here from the first n taps, without a power of A. corrected=True makes the numerator c itself and the
kernel from c (I - A^length). bounded=True divides a by its sum of absolute values and a learnt |s|, which
keeps poles inside the unit circle.

a and b start as zeros: the operator starts as h_0, standard normal. Deviation: the authors' code solves for
c with A where the row vector c needs the transpose.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ShapeError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.companion import (
    companion_decode,
    companion_numerator,
    truncated_numerator,
    truncated_numerator_cost,
)
from circulant.engine.costs import long_conv_cost
from circulant.engine.long_conv import long_conv
from circulant.operators.sequence.rational_kernel import (
    RtfInitialisation,
    bounded_denominator,
    rational_kernel,
    rational_kernel_cost,
    require_orders,
)

EXPORTS = (RtfInitialisation, companion_decode)

ORDER = 64


def reference(
    x: Tensor, state: dict[str, Tensor], length: int, bounded: bool = False, corrected: bool = False
) -> Tensor:
    b, a = state["numerator"], state["denominator"]
    if bounded:
        a = a / (a.abs().sum(-1) + state["scale"].abs() + 1e-6)[:, None]
    (C, n), even = b.shape, length + length % 2
    a = a.repeat_interleave(C // len(a), 0)
    A = torch.zeros(C, n, n, dtype=x.dtype)
    A[:, 0] = -a
    for j in range(n - 1):
        A[:, j + 1, j] = 1
    if not corrected:
        across = torch.eye(n, dtype=x.dtype) - torch.linalg.matrix_power(A, even)
        b = torch.linalg.solve(across.mT, b[..., None])[..., 0]
    taps, column = [], torch.zeros(C, n, 1, dtype=x.dtype)
    column[:, 0] = 1
    for _ in range(even):
        taps.append((b[:, None] @ column)[:, 0, 0])
        column = A @ column
    k = torch.stack([state["direct"] + taps[-1], *taps[:-1]], -1)  # tap `even` falls on lag 0
    L = x.shape[2]
    return torch.stack([(x[..., : l + 1].flip(-1) * k[:, : l + 1]).sum(-1) for l in range(L)], -1)


@final
class RationalTransferFunction1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        length: int,
        order: int = ORDER,
        *,
        groups: int | None = None,
        initialisation: RtfInitialisation = RtfInitialisation.ZEROS,
        bounded: bool = False,
        corrected: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        groups = channels if groups is None else groups
        require_orders(channels, length, order, groups)
        self.channels, self.length, self.corrected = channels, length, corrected
        self.order, self.initialisation = order, initialisation
        self.points = length + length % 2  # of the transforms
        self.numerator = nn.Parameter(torch.empty(channels, order, device=device, dtype=dtype))
        self.denominator = nn.Parameter(torch.empty(groups, order, device=device, dtype=dtype))
        self.direct = nn.Parameter(torch.empty(channels, device=device, dtype=dtype))
        self.scale = nn.Parameter(torch.empty(groups, device=device, dtype=dtype)) if bounded else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        bound = self.initialisation.bound(self.order)
        for coefficients in (self.numerator, self.denominator):
            nn.init.uniform_(coefficients, -bound, bound)
        nn.init.normal_(self.direct)
        if self.scale is not None:
            nn.init.uniform_(self.scale)

    def polynomials(self) -> tuple[Tensor, Tensor]:
        """b (C, n) of the truncated system and a (groups, n), in float32 at least."""
        wide = torch.promote_types(self.numerator.dtype, torch.float32)
        a, b = self.denominator.to(wide), self.numerator.to(wide)
        a = a if self.scale is None else bounded_denominator(a, self.scale.to(wide))
        return (truncated_numerator(b, self._shared(a), self.points) if self.corrected else b), a

    def _shared(self, a: Tensor) -> Tensor:
        return a.repeat_interleave(self.channels // len(a), 0)

    def impulse_response(self) -> Tensor:
        """The kernel, direct included -> (C, points)."""
        b, a = self.polynomials()
        return rational_kernel(b, a, self.direct.to(b.dtype), self.points)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        if x.shape[-1] > self.length:
            raise ShapeError(f"expected x (B, C, L) with L <= {self.length}, got x {tuple(x.shape)}")
        return long_conv(x, self.impulse_response().to(x.dtype))

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        wide = torch.promote_types(dtype or self.numerator.dtype, torch.float32)
        return torch.zeros(batch, self.channels, self.order, device=device, dtype=wide)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state; beyond `length` samples too."""
        kernel = self.impulse_response()
        a = self._shared(self.polynomials()[1])
        c = companion_numerator(kernel, a)
        y, state = companion_decode(x.to(kernel.dtype), c, a, kernel[:, 0], state)
        return y.to(x.dtype), state

    def cost(self, shape: Shape) -> Cost:
        made = rational_kernel_cost(self.channels, len(self.denominator), self.points)
        if self.corrected:
            made = made + truncated_numerator_cost(self.channels, self.order, self.points)
        return made + long_conv_cost(shape, self.points)

    def extra_repr(self) -> str:
        return f"{self.channels}, length={self.length}, order={self.order}, groups={len(self.denominator)}"


def _mixer(channels: int, spatial: Shape) -> RationalTransferFunction1d:
    return RationalTransferFunction1d(channels, spatial[0], min(ORDER, spatial[0] - 1))


CARD = Card(
    operators=(RationalTransferFunction1d,),
    reference=reference,
    papers=(
        Paper(
            "Parnichkun, Massaroli, Moro, Smith, Hasani, Lechner, An, Ré, Asama, Ermon, Suzuki, Yamashita "
            "and Poli",
            2024,
            "State-Free Inference of State-Space Models: The Transfer Function Approach",
            "https://arxiv.org/abs/2405.06147",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.CAUSAL, Law.DEPTHWISE, Law.STREAMS}),
    cases=(
        Case((2, 3, 8), lambda: RationalTransferFunction1d(3, 8, 3), {"length": 8}),
        Case(
            (1, 4, 7),
            lambda: RationalTransferFunction1d(
                4, 9, 2, groups=2, bounded=True, initialisation=RtfInitialisation.XAVIER
            ),
            {"length": 9, "bounded": True},
        ),
        Case(
            (2, 2, 9),
            lambda: RationalTransferFunction1d(
                2, 9, 1, corrected=True, initialisation=RtfInitialisation.MONTEL
            ),
            {"length": 9, "corrected": True},
        ),
    ),
    refuses=(
        BadInput((2, 4, 12), lambda: RationalTransferFunction1d(3, 12, 2), says="C = 3"),
        BadInput((2, 3, 13), lambda: RationalTransferFunction1d(3, 12, 2), says="L <= 12"),
        BadInput((3, 12), lambda: RationalTransferFunction1d(3, 12, 2), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
