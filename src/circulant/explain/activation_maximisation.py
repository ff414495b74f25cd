"""The picture that a unit answers to most: gradient ascent on the pixels.

    x* = argmax a(x) - R(x),    by    x <- clip(blur((1 - decay) (x + rate g / rms(g)))),    g = da / dx.

The blur comes every few steps and takes away what the unit sees and the eye does not. Without decay and blur
the activation is larger and the picture looks like noise: both are a matter of taste, not of the network.

Erhan, Bengio, Courville and Vincent (2009), Visualizing Higher-Layer Features of a Deep Network. The blur is
by Yosinski, Clune, Nguyen, Fuchs and Lipson (2015), https://arxiv.org/abs/1506.06579. Surveyed in Qin, Yu,
Liu and Chen (2018), How convolutional neural network see the world - A survey of convolutional neural
network visualization methods, https://arxiv.org/abs/1804.11191.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.evaluation import in_evaluation
from circulant.explain.gaussian_blur import gaussian_blur
from circulant.report.fragment import standalone
from circulant.report.picture_row import Picture, picture_row

BLUR_SIDE = 5


@final
@dataclass(frozen=True, slots=True)
class Ascent:
    """How a picture is changed, step by step."""

    steps: int = 200
    rate: float = 0.02  # root mean square of a step, in units of the pixels
    decay: float = 1e-3  # share of x that each step takes away: the gradient of an L2 penalty
    blur_every: int = 8  # steps; 0 for never
    blur_sigma: float = 0.5  # pixels
    low: float = 0.0  # of a pixel
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.rate <= 0 or not 0 <= self.decay < 1:
            raise ArgumentError(
                "expected steps of 1 or more, a rate above 0 and a decay from 0 to below 1, "
                f"got {self.steps}, {self.rate} and {self.decay}"
            )
        if self.blur_every < 0 or self.blur_sigma <= 0 or self.low >= self.high:
            raise ArgumentError(
                "expected blur_every of 0 or more, blur_sigma above 0 and low below high, "
                f"got {self.blur_every}, {self.blur_sigma}, {self.low} and {self.high}"
            )


@final
@dataclass(frozen=True, slots=True, eq=False)
class MaximisedInput:
    """The best picture that was met, and the activation of every one."""

    x: Tensor  # (C, H, W)
    activation: float
    activations: tuple[float, ...]  # before each step, and after the last

    def plot(self) -> str:
        """A stand-alone SVG of the picture, in its full range of grey or colours."""
        x = self.x.double().cpu()
        x = (x - x.min()) / (x.max() - x.min()).clamp_min(1e-12)
        pixels = x.movedim(0, -1) if len(x) == 3 else x.mean(0)
        title = f"activation {self.activation:.3g}"
        return standalone(picture_row((Picture(title, pixels.numpy()),), "Picture of largest activation"))


def activation_maximisation(
    network: nn.Module, unit: int, start: Tensor, ascent: Ascent | None = None
) -> MaximisedInput:
    """Picture for which channel `unit` of the network's output, averaged over positions, is large.

    start (C, H, W): where the ascent begins, such as grey with a little noise. For a unit inside a network
    give the network up to its layer. Eval mode; modes and gradients of the network are left as they were.
    """
    ascent = Ascent() if ascent is None else ascent
    if start.ndim != 3 or not start.is_floating_point():
        raise ShapeError(f"expected a floating-point start (C, H, W), got {tuple(start.shape)} {start.dtype}")
    best = start
    activations: list[float] = []
    with in_evaluation(network), torch.enable_grad():
        x = start.detach().clamp(ascent.low, ascent.high)
        for step in range(ascent.steps + 1):
            x = x.requires_grad_()
            activation = _activation(network, unit, x)
            activations.append(activation.item())
            if activations[-1] >= max(activations):
                best = x.detach()
            if step < ascent.steps:
                (gradient,) = torch.autograd.grad(activation, x)
                x = _stepped(x.detach(), gradient, step, ascent)
    return MaximisedInput(best, max(activations), tuple(activations))


def _activation(network: nn.Module, unit: int, x: Tensor) -> Tensor:
    y = network(x[None])
    if not isinstance(y, Tensor) or y.ndim < 2 or not 0 <= unit < y.shape[1]:
        shape = tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__
        raise ArgumentError(
            f"expected a unit among the channels of the output (1, K, ...), got {unit} of {shape}"
        )
    return y[0, unit].mean()


def _stepped(x: Tensor, gradient: Tensor, step: int, ascent: Ascent) -> Tensor:
    size = gradient.square().mean().sqrt()
    x = (1 - ascent.decay) * (x + ascent.rate * gradient / size.clamp_min(torch.finfo(x.dtype).tiny))
    if ascent.blur_every and (step + 1) % ascent.blur_every == 0:
        x = gaussian_blur(x[None], BLUR_SIDE, ascent.blur_sigma)[0]
    return x.clamp(ascent.low, ascent.high)
