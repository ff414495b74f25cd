"""Work of each kind of problem in float32, by the equation as it stands, for operators to add up."""

import torch

from circulant.core.cost import Cost
from circulant.core.sizes import Shape
from circulant.problems.convolution import ConvolutionProblem, Padding
from circulant.problems.delta_solve import DeltaSolveProblem
from circulant.problems.linear_attention import Decay, LinearAttentionProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.problem import Problem
from circulant.problems.spectral_filter import SpectralFilterProblem
from circulant.problems.transform import TransformKind, TransformProblem
from circulant.problems.trilinear import Slot


def problem_cost(problem: Problem) -> Cost:
    return Cost(problem.flop, problem.io_byte)


def convolution_problem(
    shape: Shape,
    weight: Shape,
    *,
    stride: Shape | None = None,
    padding: Padding | None = None,
    dilation: Shape | None = None,
    groups: int = 1,
) -> ConvolutionProblem:
    """For x of that shape (B, I, *spatial) and a weight of that shape (O, I / groups, *kernel)."""
    ones = (1,) * (len(shape) - 2)
    return ConvolutionProblem(
        torch.float32, Slot.OUTPUT, shape[0], shape[1], weight[0], shape[2:], weight[2:],
        stride or ones, padding or tuple((0, 0) for _ in ones), dilation or ones, groups,
    )  # fmt: skip


def pointwise_cost(shape: Shape, out_channels: int) -> Cost:
    """A linear map of the channels at every position of x (B, C, *spatial)."""
    weight = (out_channels, shape[1], *(1,) * (len(shape) - 2))
    return problem_cost(convolution_problem(shape, weight))


def long_conv_cost(shape: Shape, kernel: int) -> Cost:
    """A long convolution of x (B, C, L) with `kernel` taps, of which at most L meet the input."""
    B, C, L = shape
    return problem_cost(LongConvProblem(torch.float32, Slot.OUTPUT, B, C, L, min(kernel, L), 0, False))


def transform_cost(kind: TransformKind, rows: int, *sizes: int) -> Cost:
    """rows transforms of that many samples along each axis."""
    return problem_cost(TransformProblem(torch.float32, kind, rows, sizes))


def spectral_filter_cost(shape: Shape) -> Cost:
    """Gains for the frequencies of x (B, C, *sizes)."""
    B, C, *sizes = shape
    return problem_cost(SpectralFilterProblem(torch.float32, Slot.OUTPUT, B, C, tuple(sizes), False))


def linear_attention_cost(
    batch: int, heads: int, length: int, keys: int, values: int, decay: Decay = Decay.HEAD
) -> Cost:
    """Linear attention of heads with so many channels of keys and of values."""
    return problem_cost(LinearAttentionProblem(torch.float32, batch, heads, length, keys, values, decay))


def delta_rule_cost(
    batch: int, heads: int, length: int, keys: int, values: int, decay: Decay = Decay.NONE
) -> Cost:
    """The delta rule's solve, and attention to what it gives."""
    solve = problem_cost(DeltaSolveProblem(torch.float32, batch, heads, length, keys, values, decay))
    return solve + linear_attention_cost(batch, heads, length, keys, values, decay)
