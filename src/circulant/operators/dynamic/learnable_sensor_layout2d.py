r"""Learnable sensor layout: pixels whose sizes are learned, each the mean of the picture over its cell.

    y[b, c, i] = mean over cell i of x[b, c],   cell i = F(uniform cell i),   F: [-1, 1]^2 -> [-1, 1]^2

F bends the uniform grid symmetrically about the centre, by s along rows and t along columns, both within
+-0.6 and zero at first: with g_s(r) = (s - 1) / (2 s r - s - 1),

    RECTANGULAR  F(u, v) = (u g_s(|u|), v g_t(|v|))
    CURVILINEAR  F(u, v) = (u g_s(r), v g_t(r)),   r = |(u, v)|, the identity for r >= 1
    ELLIPTIC     F = E^-1 . that . E,   E(u, v) = (u sqrt(1 - v^2 / 2), v sqrt(1 - u^2 / 2))

E squeezes the square into the disk, so that the corners take part. The slope at the centre is
(1 - s) / (1 + s): s > 0 crowds pixels there. -s undoes s on an axis, the border
stays, and cells never fold. Shapes: x (B, C, H, W) -> y (B, C, *size); layout (2), s = 0.6 tanh of it.

A rectangular cell is integrated exactly, x being constant over each of its own pixels: y = R x T^T, and the
gradient of the layout is what moves across the cells' edges. In the other forms it is the mean of `samples`^2
places, weighted by the area that each stands for; x is then bilinear between pixels. In training mode the
places are drawn anew in each call, one from each part of the uniform cell; else they are the parts' middles.
"""

from enum import Enum
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, per_axis
from circulant.operators.dynamic.sensor_cells import (
    cell_shares,
    curved_places,
    elliptic_places,
    read_places,
)

STRONGEST = 0.6  # of s and t, as published


class LayoutForm(Enum):
    """What the cells look like."""

    RECTANGULAR = "rectangular"
    CURVILINEAR = "curvilinear"
    ELLIPTIC = "elliptic"


def reference(
    x: Tensor, state: dict[str, Tensor], size: Shape, samples: int = 0, elliptic: bool = False
) -> Tensor:
    """samples: for a layout that is not rectangular."""
    (H, W), (h, w) = x.shape[2:], size
    s, t = 0.6 * torch.tanh(state["layout"])
    y = x.new_zeros(*x.shape[:2], h, w)
    for i in range(h):
        for j in range(w):
            total, area = x.new_zeros(()), x.new_zeros(())
            if not samples:
                a, b = (H * (_bent(2 * k / h - 1, abs(2 * k / h - 1), s) + 1) / 2 for k in (i, i + 1))
                c, d = (W * (_bent(2 * k / w - 1, abs(2 * k / w - 1), t) + 1) / 2 for k in (j, j + 1))
                rows = (torch.arange(1, H + 1).clamp(max=b) - torch.arange(H).clamp(min=a)).clamp(min=0)
                columns = (torch.arange(1, W + 1).clamp(max=d) - torch.arange(W).clamp(min=c)).clamp(min=0)
                total, area = torch.einsum("h,w,bchw->bc", rows, columns, x), (b - a) * (d - c)
            for m in range(samples**2):
                u = torch.tensor(2 * (i + (m // samples + 0.5) / samples) / h - 1).to(x)
                v = torch.tensor(2 * (j + (m % samples + 0.5) / samples) / w - 1).to(x)

                def bend(u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
                    if elliptic:
                        u, v = u * (1 - v**2 / 2) ** 0.5, v * (1 - u**2 / 2) ** 0.5
                    r = (u**2 + v**2) ** 0.5
                    u, v = (_bent(u, r, s), _bent(v, r, t)) if r < 1 else (u, v)
                    return (_unsqueezed(u, v), _unsqueezed(v, u)) if elliptic else (u, v)

                (uu, uv), (vu, vv) = torch.autograd.functional.jacobian(bend, (u, v), create_graph=True)
                place, share = bend(u, v), uu * vv - uv * vu
                down = (H * (place[0] + 1) / 2 - 0.5).clamp(0, H - 1) - torch.arange(H)
                right = (W * (place[1] + 1) / 2 - 0.5).clamp(0, W - 1) - torch.arange(W)
                near = (1 - down.abs()).clamp(min=0)[:, None] * (1 - right.abs()).clamp(min=0)
                total, area = total + share * (x * near).sum((2, 3)), area + share
            y[:, :, i, j] = total / area
    return y


def _bent(u: float | Tensor, r: float | Tensor, s: Tensor) -> Tensor:
    return u * (s - 1) / (2 * s * r - s - 1)


def _unsqueezed(u: Tensor, v: Tensor) -> Tensor:
    """Root of u^2 = x^2 (1 - y^2 / 2) with v^2 = y^2 (1 - x^2 / 2)."""
    middle = 2 + u**2 - v**2
    return 2 * u / ((middle + (middle**2 - 8 * u**2) ** 0.5) / 2) ** 0.5 / 2**0.5


@final
class LearnableSensorLayout2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        size: int | Shape,
        *,
        form: LayoutForm = LayoutForm.RECTANGULAR,
        samples: int = 4,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.size, self.form, self.samples = per_axis(size, 2, "size"), form, samples
        if min(*self.size, samples) < 1:
            raise ArgumentError(f"expected size and samples of 1 or more, got {self.size} and {samples}")
        self.layout = nn.Parameter(torch.zeros(2, device=device, dtype=dtype))

    def strengths(self) -> Tensor:
        """s and t, in float32 at least."""
        precise = torch.promote_types(self.layout.dtype, torch.float32)
        return STRONGEST * torch.tanh(self.layout.to(precise))

    def centre_slope(self) -> Tensor:
        """Size of a cell at the centre beside a uniform one, for rows and columns."""
        s = self.strengths()
        return (1 - s) / (1 + s)

    def edges(self) -> tuple[Tensor, Tensor]:
        """Of a rectangular layout's cells (h + 1), (w + 1), from -1 to 1."""
        found = []
        for n, s in zip(self.size, self.strengths().unbind()):
            u = 2 * torch.arange(n + 1, device=s.device, dtype=s.dtype) / n - 1
            found.append(_bent(u, u.abs(), s))
        return found[0], found[1]

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, x.shape[1] if x.ndim > 1 else 0, self.ndims)
        if self.form is not LayoutForm.RECTANGULAR:
            return self._sampled(x)
        rows, columns = (cell_shares(edges, n).to(x.dtype) for edges, n in zip(self.edges(), x.shape[2:]))
        return rows @ (x @ columns.T)

    def _sampled(self, x: Tensor) -> Tensor:
        (h, w), k, strengths = self.size, self.samples, self.strengths()
        parts = [torch.arange(n * k, device=x.device, dtype=strengths.dtype) for n in (h, w)]
        u, v = torch.meshgrid(*parts, indexing="ij")
        within = torch.rand_like(torch.stack([u, v])) if self.training else u.new_full((2, 1, 1), 0.5)
        u, v = 2 * (u + within[0]) / (h * k) - 1, 2 * (v + within[1]) / (w * k) - 1
        bend = elliptic_places if self.form is LayoutForm.ELLIPTIC else curved_places
        down, right, area = bend(u, v, strengths)
        values = read_places(x, down, right) * area.to(x.dtype)
        cells = values.unflatten(3, (w, k)).unflatten(2, (h, k)).sum((3, 5))
        return cells / area.reshape(h, k, w, k).sum((1, 3)).to(x.dtype)

    def cost(self, shape: Shape) -> Cost:
        if self.form is not LayoutForm.RECTANGULAR:
            return Cost(0.0, 4.0 * shape[0] * shape[1] * 4 * self.samples**2 * self.size[0] * self.size[1])
        (B, C, H, W), (h, w) = shape, self.size
        return matmul_cost(B * C * H, W, w) + matmul_cost(B * C * w, H, h)

    def extra_repr(self) -> str:
        return f"size={self.size}, form={self.form.name}"


EXPORTS = (LayoutForm,)


def _mixer(channels: int, spatial: Shape) -> LearnableSensorLayout2d:
    return LearnableSensorLayout2d(spatial)


CARD = Card(
    operators=(LearnableSensorLayout2d,),
    reference=reference,
    papers=(
        Paper(
            "Sommerhoff, Agnihotri, Saleh, Moeller, Keuper, Choubey and Kolb",
            2023,
            "Differentiable Sensor Layouts for End-to-End Learning of Task-Specific Camera Parameters",
            "https://arxiv.org/abs/2304.14736",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.DEPTHWISE}),
    cases=(
        Case((2, 2, 5, 4), lambda: LearnableSensorLayout2d((3, 4)), {"size": (3, 4)}),
        Case((1, 1, 3, 4), lambda: LearnableSensorLayout2d(5), {"size": (5, 5)}),
        Case(
            (1, 2, 4, 5),
            lambda: LearnableSensorLayout2d((3, 2), form=LayoutForm.CURVILINEAR, samples=2),
            {"size": (3, 2), "samples": 2},
        ),
        Case(
            (1, 2, 5, 4),
            lambda: LearnableSensorLayout2d((2, 3), form=LayoutForm.ELLIPTIC, samples=2),
            {"size": (2, 3), "samples": 2, "elliptic": True},
        ),
    ),
    refuses=(
        BadInput((4, 6, 6), lambda: LearnableSensorLayout2d(4), says="(B, C, H, W)"),
        BadInput((2, 4, 6, 0), lambda: LearnableSensorLayout2d(4), says="at least 1 sample"),
        BadInput((2, 4, 6, 6), lambda: LearnableSensorLayout2d(0), says="size and samples"),
    ),
    mixer=_mixer,
)
