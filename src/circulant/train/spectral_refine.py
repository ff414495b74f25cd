"""Refining a neural operator on the equation itself: only its last linear layer, and without any solution."""

from copy import deepcopy
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape
from circulant.data.navier_stokes import Torus
from circulant.models.spatiotemporal_neural_operator import SpatiotemporalNeuralOperator
from circulant.train.negative_sobolev_loss import NegativeSobolevLoss

SOLVER_SECONDS = 1e-6  # a step short enough that its difference quotient is the rate of change


@final
@dataclass(frozen=True, slots=True)
class Flow:
    """The equation that trajectories (B, T, points, points) of a vorticity have to obey."""

    viscosity: float
    frame_seconds: float
    forcing: Tensor | None = None  # (points, points)
    side: float = 1.0

    def residual(self, vorticity: Tensor, rate: Tensor) -> Tensor:
        """dw/dt + u . grad w - nu lap w - f for fields w and dw/dt (.., points, points)."""
        torus = Torus(vorticity.shape[-1], self.side)
        spectrum = torus.spectrum(vorticity)
        push = self._push(torus)
        moved = torus.convection(spectrum) - self.viscosity * torus.laplacian() * spectrum - push
        return rate + torus.field(moved)

    def solver_rate(self, vorticity: Tensor) -> Tensor:
        """dw/dt by the solver's own steps, a short one ahead and one back."""
        torus = Torus(vorticity.shape[-1], self.side)
        spectrum, push = torus.spectrum(vorticity), self._push(torus)
        ahead, back = (
            torus.step(spectrum, push, self.viscosity, seconds)
            for seconds in (SOLVER_SECONDS, -SOLVER_SECONDS)
        )
        return torus.field(ahead - back) / (2 * SOLVER_SECONDS)

    def trajectory_residual(self, first: Tensor, later: Tensor) -> Tensor:
        """(w_(m+1) - w_m) / dt minus the mean of the solver's rates at both, for frames from `first` on.

        Zero for the trapezoid rule's solution. Shapes: (B, points, points), (B, T, ..) -> (B, T, ..).
        """
        frames = torch.cat([first[:, None], later], 1)
        rates = self.solver_rate(frames)
        return (frames[:, 1:] - frames[:, :-1]) / self.frame_seconds - (rates[:, 1:] + rates[:, :-1]) / 2

    def _push(self, torus: Torus) -> Tensor:
        if self.forcing is None:
            return torch.zeros((), dtype=torch.float64)
        return torus.spectrum(self.forcing.double())


@final
@dataclass(frozen=True, slots=True)
class Refined:
    """A copy of the network in float64 with a new output layer, and the estimator before each update."""

    network: SpatiotemporalNeuralOperator
    estimates: tuple[float, ...]


def spectral_refine(
    network: SpatiotemporalNeuralOperator, x: Tensor, flow: Flow, modes: Shape, *, steps: int = 100
) -> Refined:
    """Give the output layer more modes and fit it to the equation on the inputs x (B, T, points, points).

    Everything else is frozen and runs once. Refine one input at a time: the bias of the new layer is a field
    of its own. The loss is the H^-1 norm of the trajectory's residual, which measures the error without
    knowing the solution; the new layer starts as the old one. Deviations: the published code takes dw/dt from
    the solver's step alone, and so has a residual that vanishes with that step for every field; here the
    network's frames have to follow the rates as well. It minimises with L-BFGS instead of Adam, `steps`
    iterations, because the problem is nearly quadratic.
    """
    if steps < 1:
        raise ArgumentError(f"expected steps of 1 or more, got {steps}")
    refined, x = deepcopy(network).double(), x.double()
    refined.output = refined.output.widened(modes)
    refined.requires_grad_(False)
    refined.output.requires_grad_(True)
    with torch.no_grad():
        latent = refined.latent(x)
    loss = NegativeSobolevLoss(side=flow.side)
    parameters = list(refined.output.parameters())
    optimiser = torch.optim.LBFGS(
        parameters, max_iter=steps, tolerance_grad=0.0, tolerance_change=0.0, history_size=steps,
        line_search_fn="strong_wolfe",
    )  # fmt: skip
    estimates = []

    def estimate() -> Tensor:
        return loss.square(flow.trajectory_residual(x[:, -1], refined.answer(latent, x))).mean()

    with torch.no_grad():
        first = estimate().clamp(min=torch.finfo(torch.float64).tiny)

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = estimate() / first  # of size 1: L-BFGS leaves out pairs of small curvature
        value.backward()
        estimates.append((value * first).sqrt().item())
        return value

    optimiser.step(closure)
    return Refined(refined.eval(), tuple(estimates))
