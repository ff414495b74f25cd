"""Convolution by torch.fft: whole inputs, and blocks of them. Half precision is transformed in float32."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.algorithms.fft import convolution_lengths, long_conv_length
from circulant.algorithms.overlap_save import block_length
from circulant.core.sizes import Shape
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot


def computable(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def fft_convolution(problem: ConvolutionProblem, first: Tensor, second: Tensor) -> Tensor:
    p, lengths = problem, convolution_lengths(problem)
    axes = tuple(range(2, 2 + p.ndim))

    def spectrum(tensor: Tensor) -> Tensor:
        return torch.fft.rfftn(computable(tensor), lengths, dim=axes)

    if p.slot is Slot.OUTPUT:
        product = channel_product(
            p, spectrum(p.pad(first)), spectrum(dilate(second, p.dilation)).conj_physical()
        )
    elif p.slot is Slot.INPUT:
        product = channel_product(p, spectrum(dilate(first, p.stride)), spectrum(dilate(second, p.dilation)))
    else:
        product = channel_product(
            p, spectrum(p.pad(first)), spectrum(dilate(second, p.stride)).conj_physical()
        )
    return keep(p, torch.fft.irfftn(product, lengths, dim=axes)).to(p.dtype)


def channel_product(problem: ConvolutionProblem, first: Tensor, second: Tensor) -> Tensor:
    """Spectra multiplied and summed over the channels of each group, as the slot asks."""
    p, groups = problem, problem.groups
    if p.is_depthwise:
        weights = second[:, 0] if p.slot is not Slot.KERNEL else second
        product = first * weights
        return product.sum(0)[:, None] if p.slot is Slot.KERNEL else product
    equation = {
        Slot.OUTPUT: "bgi...,goi...->bgo...",
        Slot.INPUT: "bgo...,goi...->bgi...",
        Slot.KERNEL: "bgi...,bgo...->goi...",
    }[p.slot]
    a = first.unflatten(1, (groups, -1))
    by_group = second.unflatten(1 if p.slot is Slot.KERNEL else 0, (groups, -1))
    axis = 0 if p.slot is Slot.KERNEL else 1
    return torch.einsum(equation, a, by_group).flatten(axis, axis + 1)


def keep(problem: ConvolutionProblem, full: Tensor) -> Tensor:
    """The samples of a cyclic result that belong to the slot's answer."""
    p = problem
    if p.slot is Slot.INPUT:
        return p.crop(_every(full, p.padded_spatial, (1,) * p.ndim)).contiguous()
    if p.slot is Slot.OUTPUT:
        spans = tuple(s * (n - 1) + 1 for n, s in zip(p.output_spatial, p.stride))
        return _every(full, spans, p.stride).contiguous()
    return _every(full, p.effective_kernel, p.dilation).contiguous()


def _every(full: Tensor, spans: Shape, steps: Shape) -> Tensor:
    """Each step-th of the first span samples along the trailing axes, as a view."""
    at: Any = (Ellipsis, *(slice(0, span, step) for span, step in zip(spans, steps)))
    return full[at]


def dilate(x: Tensor, steps: Shape) -> Tensor:
    """step - 1 zeros between neighbours along the trailing axes."""
    if all(step == 1 for step in steps):
        return x
    spatial = x.shape[2:]
    spread = x.new_zeros(*x.shape[:2], *(step * (n - 1) + 1 for n, step in zip(spatial, steps)))
    _every(spread, tuple(spread.shape[2:]), steps).copy_(x)
    return spread


def overlap_save(problem: ConvolutionProblem, first: Tensor, second: Tensor) -> Tensor:
    """One axis; the input gradient is itself a convolution of the output gradient, flipped kernel."""
    p, kernel = problem, problem.effective_kernel[0]
    if p.slot is Slot.KERNEL:
        return _overlapped_kernel(p, p.pad(first), dilate(second, p.stride)).to(p.dtype)
    weight = dilate(second, p.dilation)
    if p.slot is Slot.OUTPUT:
        spectrum = torch.fft.rfft(
            computable(weight), n := block_length(p.padded_spatial[0], kernel)
        ).conj_physical()
        return keep(p, _overlapped(p, p.pad(first), spectrum, n, kernel)).to(p.dtype)
    span = p.padded_spatial[0]
    gradient = dilate(first, p.stride)
    gradient = F.pad(gradient, (kernel - 1, span - gradient.shape[-1]))
    n = block_length(gradient.shape[-1], kernel)
    spectrum = torch.fft.rfft(computable(weight).flip(-1), n).conj_physical()
    return keep(p, _overlapped(p, gradient, spectrum, n, kernel)).to(p.dtype)


def _blocks(x: Tensor, n: int, fresh: int, count: int) -> Tensor:
    """x (B, C, span) -> (B, C, count, n), each block fresh samples after the one before."""
    room = (count - 1) * fresh + n
    return F.pad(x, (0, max(room - x.shape[-1], 0))).unfold(-1, n, fresh)[:, :, :count]


def _overlapped(problem: ConvolutionProblem, x: Tensor, spectrum: Tensor, n: int, kernel: int) -> Tensor:
    fresh, results = n - kernel + 1, x.shape[-1] - kernel + 1
    count = -(-results // fresh)
    spectra = torch.fft.rfft(computable(_blocks(x, n, fresh, count)))
    product = channel_product(problem, spectra, spectrum[..., None, :])
    y = torch.fft.irfft(product, n)[..., :fresh]
    return y.flatten(-2)[..., :results]


def _overlapped_kernel(problem: ConvolutionProblem, x: Tensor, gradient: Tensor) -> Tensor:
    kernel = problem.effective_kernel[0]
    n = block_length(problem.padded_spatial[0], kernel)
    fresh = n - kernel + 1
    count = -(-gradient.shape[-1] // fresh)
    inputs = torch.fft.rfft(computable(_blocks(x, n, fresh, count)))
    gradients = torch.fft.rfft(computable(_blocks(gradient, fresh, fresh, count)), n).conj_physical()
    product = channel_product(problem, inputs, gradients).sum(-2)
    return keep(problem, torch.fft.irfft(product, n))


def fft_long_conv(problem: LongConvProblem, first: Tensor, second: Tensor) -> Tensor:
    p, n = problem, long_conv_length(problem)

    def spectrum(tensor: Tensor, before: int = 0) -> Tensor:
        return torch.fft.rfft(F.pad(computable(tensor), (before, 0)), n)

    if p.slot is Slot.OUTPUT:
        y = torch.fft.irfft(spectrum(first) * spectrum(second), n)
        return y[..., p.shift : p.shift + p.length].to(p.dtype).contiguous()
    if p.slot is Slot.INPUT:
        x = torch.fft.irfft(spectrum(first, p.shift) * spectrum(second).conj_physical(), n)
        return x[..., : p.length].to(p.dtype).contiguous()
    product = (spectrum(second, p.shift) * spectrum(first).conj_physical()).sum(0)
    return torch.fft.irfft(product, n)[..., : p.kernel].to(p.dtype).contiguous()
