"""Which sample a tap meets. Indices of samples, outputs and taps are flat over (depth, row, column)."""

import triton
import triton.language as tl


@triton.jit
def set_and_block(samples, BLOCK: tl.constexpr):
    """What a program's place on the grid's first axis stands for; the other axes end at 65,535."""
    number, blocks = tl.program_id(0), tl.cdiv(samples, BLOCK)
    return (number // blocks).to(tl.int64), number % blocks


@triton.jit
def along_axes(flat, sizes):
    """Flat index -> (depth, row, column)."""
    _, rows, columns = sizes
    return flat // (rows * columns), flat // columns % rows, flat % columns


@triton.jit
def sample_met(place, tap, source, kernel, steps):
    """The input sample that a tap meets for an output at `place` along the axes; is it inside."""
    stride, dilation, before = steps
    depth = place[0] * stride[0] + tap // (kernel[1] * kernel[2]) * dilation[0] - before[0]
    row = place[1] * stride[1] + tap // kernel[2] % kernel[1] * dilation[1] - before[1]
    column = place[2] * stride[2] + tap % kernel[2] * dilation[2] - before[2]
    inside = (depth >= 0) & (depth < source[0]) & (row >= 0) & (row < source[1])
    inside = inside & (column >= 0) & (column < source[2])
    return (depth * source[1] + row) * source[2] + column, inside


@triton.jit
def target_meeting(place, tap, target, kernel, steps):
    """The output for which a tap meets the input sample at `place` along the axes; is there one."""
    stride, dilation, before = steps
    reach0 = place[0] + before[0] - tap // (kernel[1] * kernel[2]) * dilation[0]
    reach1 = place[1] + before[1] - tap // kernel[2] % kernel[1] * dilation[1]
    reach2 = place[2] + before[2] - tap % kernel[2] * dilation[2]
    depth, row, column = reach0 // stride[0], reach1 // stride[1], reach2 // stride[2]
    found = (reach0 >= 0) & (reach0 == depth * stride[0]) & (depth < target[0])
    found = found & (reach1 >= 0) & (reach1 == row * stride[1]) & (row < target[1])
    found = found & (reach2 >= 0) & (reach2 == column * stride[2]) & (column < target[2])
    return (depth * target[1] + row) * target[2] + column, found
