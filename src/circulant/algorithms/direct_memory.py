"""Memory that the direct sums of the torch backend take besides operands and result, in bytes.

torch's own convolutions lay their operands out anew; what torch 2.13 was seen to allocate for ordinary
layers is what is stated. The scratch memory that oneDNN keeps to itself is not known, nor counted.
"""

from dataclasses import replace

import torch

from circulant.core.sizes import Shape, product
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.gathered_conv import GatheredConvProblem
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.pooling import PoolingProblem, PoolMode
from circulant.problems.problem import Problem
from circulant.problems.sampled_conv import SampledConvProblem, SampledResult
from circulant.problems.trilinear import Slot

INDEX_BYTE = 8
SITE_ARRAYS = 5  # besides two for each axis: index, share, its parts and the test for what lies outside


def no_memory(problem: Problem) -> float:
    return 0.0


def convolution_memory(problem: ConvolutionProblem) -> float:
    """Uneven zeros are laid around the input first."""
    p = problem
    if p.has_symmetric_padding:
        return _library_memory(p)
    padded = replace(p, spatial=p.padded_spatial, padding=((0, 0),) * p.ndim)
    return _byte(p, padded.input_shape) + _library_memory(padded)


def part_column_byte(problem: ConvolutionProblem) -> float:
    """Columns of one group of one image."""
    return column_byte(problem) / max(problem.batch * problem.groups, 1)


def column_byte(problem: ConvolutionProblem) -> float:
    """Every window of every image laid out."""
    taps = product(problem.kernel) * problem.in_channels
    return float(problem.dtype.itemsize * problem.batch * taps * product(problem.output_spatial))


def _library_memory(problem: ConvolutionProblem) -> float:
    p = problem
    if product(p.kernel) == 1 and p.groups == 1:
        return 0.0 if p.slot is Slot.OUTPUT else _byte(p, p.result_shape)
    if p.dtype is torch.float64:  # windows of the images of one group
        return _byte(p, p.result_shape) if p.slot is Slot.INPUT else column_byte(p) / p.groups
    if p.slot is Slot.OUTPUT:
        return sum(_byte(p, shape) for shape in p.operand_shapes)
    if p.slot is Slot.KERNEL and p.is_depthwise and p.dtype is torch.float32:  # one channel after another
        return part_column_byte(p) + 2 * p.io_byte / p.groups
    return p.io_byte


def long_conv_memory(problem: LongConvProblem) -> float:
    """The reversed kernel, and a circular row with its end laid before it."""
    inner = problem.as_convolution()
    laid_out = _byte(inner, inner.input_shape) if problem.circular else 0.0
    return convolution_memory(inner) + _byte(inner, inner.weight_shape) + laid_out


def local_memory(problem: LocalConvProblem) -> float:
    """The input with its zeros, and the products of one tap."""
    window = problem.window
    padded = _byte(problem, (window.batch, window.in_channels, *window.padded_spatial))
    products = _byte(problem, window.output_shape)
    if problem.slot is Slot.INPUT:  # the padded gradient becomes the result
        return padded + max(products - _byte(problem, window.input_shape), 0.0)
    return padded + products


def sampled_memory(problem: SampledConvProblem) -> float:
    """All samples of one corner and their products; for gradients those of every corner are kept."""
    w, itemsize = problem.window, max(problem.dtype.itemsize, 4)
    places = float(itemsize * w.batch * product(w.kernel) * product(w.output_spatial))
    values, sites = places * w.in_channels, places * problem.groups
    corners, result = 2**w.ndim, float(itemsize * product(problem.result_shape))
    if problem.result is SampledResult.OUTPUT:
        return 2 * values + (2 * w.ndim + SITE_ARRAYS) * sites + result
    return (corners + 2) * values + 3 * corners * w.ndim * sites + result


def gathered_memory(problem: GatheredConvProblem) -> float:
    """The places with an empty one before them, one neighbour of every output, and its product."""
    p = problem
    source = _byte(p, (p.batch, p.in_channels, p.places + 1))
    neighbours, products = (_byte(p, (p.batch, n, p.outputs)) for n in (p.in_channels, p.out_channels))
    laid_out = 1 if p.slot is Slot.INPUT else 2  # the product needs another order of the axes
    return source + laid_out * neighbours + products


def pooling_memory(problem: PoolingProblem) -> float:
    """torch finds the places of the largest values, though nobody asks for them."""
    finds = problem.mode is PoolMode.MAX and problem.ndim > 1
    return float(INDEX_BYTE * product(problem.result_shape)) if finds else 0.0


def _byte(problem: Problem, shape: Shape) -> float:
    return float(problem.dtype.itemsize * product(shape))
