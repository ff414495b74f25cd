"""Two-dimensional incompressible flow on a torus, in vorticity form, solved by a pseudo-spectral method.

    dw/dt + u . grad w = nu lap w + f,   u = (dpsi/dy, -dpsi/dx),   -lap psi = w

on the square [0, side)^2 with periodic borders. A step treats diffusion implicitly (Crank-Nicolson) and
convection explicitly; products are taken on the grid and cut at two thirds of its frequencies.
Everything is in float64 and differentiable in w.
"""

from dataclasses import dataclass
from math import pi
from typing import final

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError
from circulant.engine.transform import irfftn, rfftn

KEPT = 2 / 3  # of the frequencies along each axis, of products of two fields
CORRELATION, SMOOTHNESS = 7.0, 2.5  # of the first vorticity: (-lap + tau^2)^-alpha, as Li et al. (2020)


@final
@dataclass(frozen=True, slots=True)
class Torus:
    """Derivatives of periodic fields (.., points, points) on a square of that side, by their spectra."""

    points: int
    side: float = 1.0

    def __post_init__(self) -> None:
        if self.points < 2 or self.side <= 0:
            raise ArgumentError(
                f"expected points of 2 or more and a side above 0, got {self.points} and {self.side}"
            )

    def spectrum(self, field: Tensor) -> Tensor:
        """Half spectrum (.., points, points // 2 + 1), complex."""
        return torch.view_as_complex(rfftn(field, 2))

    def field(self, spectrum: Tensor) -> Tensor:
        """Whose half spectrum it is."""
        return irfftn(torch.view_as_real(spectrum), (self.points, self.points))

    def wavenumbers(self) -> tuple[Tensor, Tensor]:
        """2 pi k along both axes, for half spectra: (points, 1) and (1, points // 2 + 1)."""
        spacing = self.side / self.points
        down = 2 * pi * torch.fft.fftfreq(self.points, spacing, dtype=torch.float64)
        right = 2 * pi * torch.fft.rfftfreq(self.points, spacing, dtype=torch.float64)
        return down[:, None], right[None]

    def laplacian(self) -> Tensor:
        """What a half spectrum is multiplied by -> (points, points // 2 + 1)."""
        down, right = self.wavenumbers()
        return -(down.square() + right.square())

    def grid(self) -> tuple[Tensor, Tensor]:
        """Coordinates x, y (points, points) of the samples."""
        line = torch.arange(self.points, dtype=torch.float64) * self.side / self.points
        x, y = torch.meshgrid(line, line, indexing="ij")
        return x, y

    def convection(self, spectrum: Tensor) -> Tensor:
        """The spectrum of u . grad w from that of w, cut at two thirds of the frequencies."""
        down, right = self.wavenumbers()
        laplacian = self.laplacian()
        laplacian[0, 0] = -1  # the mean of w moves nothing
        stream = -spectrum / laplacian
        fields = torch.stack(
            [1j * right * stream, -1j * down * stream, 1j * down * spectrum, 1j * right * spectrum]
        )
        u, v, w_x, w_y = self.field(fields)
        highest = KEPT * pi * self.points / self.side
        kept = (down.abs() <= highest) & (right.abs() <= highest)
        return self.spectrum(u * w_x + v * w_y) * kept

    def step(self, spectrum: Tensor, forcing: Tensor | float, viscosity: float, seconds: float) -> Tensor:
        """The spectrum of w a step of that length later (earlier, if negative)."""
        half = 0.5 * seconds * viscosity * self.laplacian()
        explicit = seconds * (forcing - self.convection(spectrum))
        return ((1 + half) * spectrum + explicit) / (1 - half)


def navier_stokes(
    examples: int,
    points: int,
    seed: int,
    *,
    viscosity: float = 1e-3,
    seconds: float = 1.0,
    frames: int = 10,
    step_seconds: float = 1e-3,
    forcing: Tensor | None = None,
    side: float = 1.0,
) -> Tensor:
    """Vorticity from random beginnings, (examples, frames + 1, points, points); the first frame is at 0 s.

    forcing: f (points, points), the same at all times.
    """
    return trajectories(
        random_vorticity(examples, Torus(points, side), seed),
        viscosity=viscosity, seconds=seconds, frames=frames, step_seconds=step_seconds, forcing=forcing,
        side=side,
    )  # fmt: skip


def trajectories(
    vorticity: Tensor,
    *,
    viscosity: float,
    seconds: float,
    frames: int,
    step_seconds: float = 1e-3,
    forcing: Tensor | None = None,
    side: float = 1.0,
) -> Tensor:
    """From vorticity (B, points, points) at 0 s -> (B, frames + 1, points, points), evenly."""
    if frames < 1 or min(viscosity, seconds, step_seconds) <= 0:
        raise ArgumentError(
            "expected frames of 1 or more, viscosity, seconds and step_seconds above 0, "
            f"got {frames}, {viscosity}, {seconds} and {step_seconds}"
        )
    points = vorticity.shape[-1]
    torus = Torus(points, side)
    steps = max(1, round(seconds / frames / step_seconds))
    push = torch.zeros((), dtype=torch.float64) if forcing is None else torus.spectrum(forcing.double())
    spectrum = torus.spectrum(vorticity.double())
    found = [vorticity.double()]
    for _ in range(frames):
        for _ in range(steps):
            spectrum = torus.step(spectrum, push, viscosity, seconds / frames / steps)
        found.append(torus.field(spectrum))
    return torch.stack(found, 1)


def random_vorticity(examples: int, torus: Torus, seed: int) -> Tensor:
    """Gaussian fields (examples, points, points) of mean 0 and covariance tau^3 (-lap + tau^2)^-alpha."""
    generator = torch.Generator().manual_seed(seed)
    n = torus.points
    noise = torch.randn(examples, n, n, generator=generator, dtype=torch.float64)
    strength = CORRELATION ** (SMOOTHNESS - 1) * (CORRELATION**2 - torus.laplacian()) ** (-SMOOTHNESS / 2)
    strength[0, 0] = 0
    return torus.field(torus.spectrum(noise) * strength * n)
