r"""Long convolution whose transform is learnt: a butterfly of small matrices in the place of the DFT.

    y = skip x + T^-1(T(x) T(kernel)),   T^-1(Y) = conj(T(conj Y)) / n
    T_n(z)[k1 + f k2] = T_m(u[k1])[k2],  u[k1, j2] = exp(-2 pi i k1 j2 / n) sum_{j1} M_f[k1, j1] z[j1 m + j2]

with n = f m, f = 16 while n > 16, and T_n = M_n from there on; x and kernel have zeros after their ends
up to n, the power of two from 2 length - 1 on. Shapes: x (B, C, L) -> y (B, C, L), L <= length; kernel
(C, length), skip (C), matrix_f (f, f, 2): pairs of reals, one matrix for each size f of 16, 8, 4 and 2
that n is made of. Taps from L on are left out.

The matrices begin as DFT matrices: then this is the causal convolution with kernel. Once they have
learnt something else it is neither causal nor shift-equivariant. The authors keep the matrices of all
four sizes, used or not.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.flash_butterfly import (
    butterfly_cost,
    butterfly_factors,
    butterfly_points,
    dft_matrix,
    flash_butterfly,
)

INITIAL_SCALE = 0.02  # spread of the initial kernel at its first tap, as in LongConv1d


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    length, L = state["kernel"].shape[1], x.shape[2]
    matrices = {m.shape[0]: torch.view_as_complex(m) for name, m in state.items() if name[0] == "m"}
    n = 1
    while n < max(2 * length - 1, 2):
        n = 2 * n

    def transform(z: Tensor) -> Tensor:
        n = z.shape[-1]
        if n <= 16:
            return torch.stack([(row * z).sum(-1) for row in matrices[n]], -1)
        m = n // 16
        bins = torch.zeros_like(z)
        for k1 in range(16):
            u = torch.zeros_like(z[..., :m])
            for j1 in range(16):
                u = u + matrices[16][k1, j1] * z[..., j1 * m : (j1 + 1) * m]
            turn = torch.arange(m, dtype=x.dtype) * (-2 * torch.pi * k1 / n)
            bins[..., k1::16] = transform(u * torch.complex(turn.cos(), turn.sin()))
        return bins

    def padded(rows: Tensor) -> Tensor:
        zeros = torch.zeros(*rows.shape[:-1], n - L, dtype=x.dtype)
        whole = torch.cat([rows, zeros], -1)
        return torch.complex(whole, torch.zeros_like(whole))

    product = transform(padded(x)) * transform(padded(state["kernel"][:, :L]))
    y = transform(product.conj()).conj().real / n
    return state["skip"][:, None] * x + y[..., :L]


@final
class LearnedButterfly(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        length: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(channels, length) < 1:
            raise ArgumentError(f"expected channels and length of 1 or more, got {channels} and {length}")
        self.channels, self.length, self.points = channels, length, butterfly_points(length)
        self.kernel = nn.Parameter(torch.empty(channels, length, device=device, dtype=dtype))
        self.skip = nn.Parameter(torch.empty(channels, device=device, dtype=dtype))
        for size in self.sizes:
            matrix = torch.empty(size, size, 2, device=device, dtype=dtype)
            self.register_parameter(f"matrix_{size}", nn.Parameter(matrix))
        self.reset_parameters()

    @property
    def sizes(self) -> Shape:
        """Of the matrices."""
        return tuple(sorted(set(butterfly_factors(self.points))))

    @property
    def matrices(self) -> dict[int, Tensor]:
        """By their size."""
        return {size: getattr(self, f"matrix_{size}") for size in self.sizes}

    def reset_parameters(self) -> None:
        """Exact DFT matrices, and normal taps that decay over the kernel, faster in later channels."""
        position = torch.arange(self.length, device=self.kernel.device) / self.length
        order = torch.arange(self.channels, device=self.kernel.device) / self.channels
        decay = torch.pow(self.channels / 2, order)
        with torch.no_grad():
            nn.init.normal_(self.kernel, std=INITIAL_SCALE).mul_(torch.exp(-position * decay[:, None]))
            nn.init.normal_(self.skip)
            for size, matrix in self.matrices.items():
                matrix.copy_(dft_matrix(size))

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        if x.shape[2] > self.length:
            raise ShapeError(f"expected at most {self.length} samples, got x {tuple(x.shape)}")
        y = flash_butterfly(x, self.kernel, matrices=self.matrices, points=self.points)
        return self.skip[:, None] * x + y

    def cost(self, shape: Shape) -> Cost:
        return butterfly_cost(shape, self.points)

    def extra_repr(self) -> str:
        return f"{self.channels}, length={self.length}"


def _mixer(channels: int, spatial: Shape) -> LearnedButterfly:
    return LearnedButterfly(channels, spatial[0])


CARD = Card(
    operators=(LearnedButterfly,),
    reference=reference,
    papers=(
        Paper(
            "Fu, Epstein, Nguyen, Thomas, Zhang, Dao, Rudra and Ré",
            2023,
            "Simple Hardware-Efficient Long Convolutions for Sequence Modeling",
            "https://arxiv.org/abs/2302.06646",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.DEPTHWISE}),
    cases=(
        Case((2, 3, 4), lambda: LearnedButterfly(3, 4)),
        Case((1, 2, 9), lambda: LearnedButterfly(2, 12)),
        Case((2, 1, 33), lambda: LearnedButterfly(1, 33)),
    ),
    refuses=(
        BadInput((2, 4, 12), lambda: LearnedButterfly(3, 12), says="C = 3"),
        BadInput((2, 3, 13), lambda: LearnedButterfly(3, 12), says="at most 12 samples"),
    ),
    mixer=_mixer,
)
