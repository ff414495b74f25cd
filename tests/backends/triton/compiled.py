"""Compiles the kernels of every solution below for a GPU that is not there, and prints what they take.

    python -m tests.backends.triton.compiled FAMILY DTYPE CAPABILITY

The kernels' arguments are those of real calls: `launch` is replaced by a compilation that stops short of
running. Prints one JSON object a line: the kernel's name and bytes of on-chip memory.
"""

import json
import sys
from collections.abc import Iterator

import torch

from circulant.algorithms.tiled_monarch import LARGEST, SMALLEST
from circulant.backends.triton import (
    depthwise_conv,
    im2win,
    linear_attention,
    local_conv,
    long_conv,
    long_conv_passes,
    sampled_conv,
    short_conv,
)
from circulant.backends.triton.runtime import load
from circulant.backends.triton.transform_layout import tile_of_points
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.delta_solve import DeltaSolveProblem
from circulant.problems.linear_attention import Decay, LinearAttentionProblem
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.problem import Problem
from circulant.problems.sampled_conv import SampledConvProblem
from circulant.problems.trilinear import Slot

WARP = 32


class OfflineDriver:
    """What Triton asks of a driver before it compiles."""

    def __init__(self, target):
        self.target = target

    def get_current_target(self):
        return self.target

    def get_current_device(self):
        return 0

    def get_current_stream(self, device):
        return 0


def compile_only(kernel, grid, lead, *arguments, **constants):
    compiled = kernel.warmup(*arguments, grid=tuple(grid), **constants)
    print(json.dumps({"kernel": kernel.fn.__qualname__, "shared": compiled.metadata.shared}))


def windows(dtype, slot) -> Iterator[ConvolutionProblem]:
    """Images with every setting away from 1, one pixel with all of them at 1, a series and a volume."""
    yield ConvolutionProblem(dtype, slot, 2, 4, 4, (17, 13), (3, 5), (3, 2), ((1, 2), (0, 3)), (2, 3), 4)
    yield ConvolutionProblem(dtype, slot, 1, 1, 1, (1, 1), (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1)
    yield ConvolutionProblem(dtype, slot, 2, 4, 4, (50,), (9,), (1,), ((8, 0),), (1,), 4)
    yield ConvolutionProblem(
        dtype, slot, 2, 4, 4, (5, 7, 6), (2, 3, 2), (1, 2, 1), ((0, 1),) * 3, (1, 1, 2), 4
    )


def zeros(problem: Problem) -> list[torch.Tensor]:
    return [torch.zeros(shape, dtype=problem.dtype) for shape in problem.operand_shapes]


def depthwise(dtype):
    for slot in Slot:
        for window in windows(dtype, slot):
            depthwise_conv.solve(window, *zeros(window))


def short(dtype):
    for slot in (Slot.OUTPUT, Slot.INPUT):
        for taps, padding in ((1, (0, 0)), (4, (3, 0)), (8, (7, 0))):
            p = ConvolutionProblem(dtype, slot, 2, 4, 4, (50,), (taps,), (1,), (padding,), (1,), 4)
            assert short_conv.takes(p)
            short_conv.solve(p, *zeros(p))


def dense(dtype):
    """A few channels, more than a block of them, and one in each of several groups."""
    for channels, groups in ((3, 1), (70, 1), (4, 4)):
        p = ConvolutionProblem(
            dtype, Slot.OUTPUT, 2, channels, channels, (9, 13), (3, 5), (1, 2), ((1, 1), (0, 2)), (1, 2),
            groups,
        )  # fmt: skip
        im2win.solve(p, *zeros(p))


def local(dtype):
    for slot in Slot:
        for window in windows(dtype, slot):
            p = LocalConvProblem(dtype, slot, 1, window)
            local_conv.solve(p, *zeros(p))


def sampled(dtype):
    """With gradients, so that every slot and every slope is met."""
    for window in windows(dtype, Slot.OUTPUT):
        p = SampledConvProblem(dtype, 1, window)
        sampled_conv.solve(p, *zeros(p))
        sampled_conv.solve(p.gradients(), *zeros(p.gradients()))


def attention(dtype):
    """Heads of 64 channels with every decay, in both directions; the solve with each of its own."""
    for decay in Decay:
        for starts, strict, reverse in ((True, False, False), (False, True, True)):
            p = LinearAttentionProblem(dtype, 1, 2, 100, 64, 64, decay, starts, strict, reverse)
            linear_attention.solve(p, *zeros(p))
    for decay in (Decay.NONE, Decay.STEP, Decay.KEY):
        p = DeltaSolveProblem(dtype, 1, 2, 100, 64, 64, decay, True)
        linear_attention.solve(p, *zeros(p))


def long(dtype, layout, circular):
    for slot in Slot:
        p = LongConvProblem(dtype, slot, 2, 3, 100, 100, 0, circular)
        long_conv.solve(p, *zeros(p), layout=layout)
    p = LongConvProblem(dtype, Slot.OUTPUT, 2, 3, 100, 100, 0, circular)
    gate = torch.ones(p.input_shape, dtype=dtype)
    long_conv.output(p, *zeros(p), gate[0, :, 0], gate, gate, layout=layout)


def long_small(dtype):
    long(dtype, tile_of_points(SMALLEST), True)


def long_large(dtype):
    long(dtype, tile_of_points(LARGEST[dtype]), False)


def long_several(dtype):
    long(dtype, tile_of_points(LARGEST[dtype], 65), False)


FAMILIES = {
    family.__name__: family
    for family in (depthwise, short, dense, local, sampled, attention, long_small, long_large, long_several)
}


def main(family: str, dtype: str, capability: str) -> None:
    from triton.backends.compiler import GPUTarget

    load().runtime.driver.set_active(OfflineDriver(GPUTarget("cuda", int(capability), WARP)))
    modules = (depthwise_conv, short_conv, im2win, linear_attention, local_conv, sampled_conv)
    for module in (*modules, long_conv, long_conv_passes):
        module.launch = compile_only
    FAMILIES[family](getattr(torch, dtype))


if __name__ == "__main__":
    main(*sys.argv[1:])
