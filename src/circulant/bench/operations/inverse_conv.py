"""The inverse of a convolution of pictures whose kernel looks back; a flow trains with it."""

import torch
from torch import Tensor

from circulant import functional as CF
from circulant.bench.case import Case, Function
from circulant.bench.contestant import OURS, Call, Contestant, Role, Tensors
from circulant.bench.operation import Operation, looped_or, normal, ours, peer, plain, variant
from circulant.bench.peers import torch_inverse_conv
from circulant.core.sizes import Shape
from circulant.engine.choice import Backend, Choice
from circulant.engine.inverse_conv import inverted_conv
from circulant.problems.inverse_conv import InverseConvProblem, reference

LARGEST_GAIN = 0.5  # of the kernel without its fixed taps; solutions of larger ones grow from place to place


def _operands(shape: Shape) -> tuple[Tensor, ...]:
    batch, channels, pixels, kernel = shape
    y, weight = normal((batch, channels, pixels, pixels), (channels, channels, kernel, kernel))
    return y, weight * (LARGEST_GAIN / weight.abs().sum((1, 2, 3)).max())


def _exact(shape: Shape) -> Function:
    batch, channels, pixels, kernel = shape
    problem = InverseConvProblem(torch.float64, batch, channels, (pixels,) * 2, (kernel,) * 2, False)
    return looped_or(problem, reference, torch_inverse_conv.row_by_row(shape))


def _engine(_shape: Shape) -> Function:
    return CF.inverse_conv2d


def _on_torch(_shape: Shape) -> Function:
    return lambda y, weight: CF.inverse_conv2d(y, weight, choice=Choice(backend=Backend.TORCH))


def _sampling(case: Case) -> Call:
    """Convolves what comes out as the solution, so that it is judged like the others."""
    y, weight = case.operands
    source = CF.inverse_conv2d(case.expected[0], weight.double()).to(y.dtype)

    def call() -> Tensors:
        with torch.no_grad():
            return (inverted_conv(source, weight),)

    return call


INVERSE_CONV2D = Operation(
    ("batch", "channels", "pixels", "kernel"),
    _operands,
    _exact,
    (
        ours(_engine),
        variant("circulant, on torch", _on_torch),
        Contestant("circulant, the convolution instead", Role.VARIANT, _sampling, OURS, has_backward=False),
        plain("substitution row by row", torch_inverse_conv.row_by_row),
        peer("fixed-point iteration", torch_inverse_conv.fixed_point),
    ),
)
