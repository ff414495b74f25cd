"""Doors to sliding windows and im2win: convolutions by one algorithm whatever the plan says, and pooling."""

from torch import Tensor

from circulant.algorithms.algorithm import AlgorithmName
from circulant.core.errors import ShapeError
from circulant.core.sizes import per_axis
from circulant.engine import im2win
from circulant.engine.choice import Backend, Choice
from circulant.engine.conv_settings import Sizes, padding_of
from circulant.engine.pooling import pooling
from circulant.functional import conv1d, conv2d
from circulant.problems.pooling import PoolMode as PoolMode


def sliding_window_conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """`conv1d` with outputs that stay in registers while windows slide over the input; no gradients."""
    slide = AlgorithmName.SLIDING_WINDOW
    return conv1d(input, weight, bias, stride, padding, dilation, groups, algorithm=slide)


def sliding_window_conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """`conv2d` with outputs that stay in registers while windows slide over the input; no gradients."""
    slide = AlgorithmName.SLIDING_WINDOW
    return conv2d(input, weight, bias, stride, padding, dilation, groups, algorithm=slide)


def im2win_conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    backend: Backend | None = None,
) -> Tensor:
    """`conv2d` as dot products of runs of numbers, of which neighbouring windows share most; no gradients."""
    lay_out = AlgorithmName.IM2WIN
    return conv2d(input, weight, bias, stride, padding, dilation, groups, algorithm=lay_out, backend=backend)


def im2win_transform(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
) -> Tensor:
    """input (B, C, H, W) -> I (B, C, Ho, W' kh), W' being the padded width.

    I[n, c, m, w kh + r] = input[n, c, m stride + r dilation, w]: the window of output (m, q) is the run
    from q stride kh on, in kw pieces of kh numbers where columns are dilated.
    """
    kernel, strides, dilations = (
        per_axis(value, 2, name)
        for value, name in ((kernel_size, "kernel_size"), (stride, "stride"), (dilation, "dilation"))
    )
    sides = padding_of(padding, kernel, strides, dilations)
    return im2win.im2win_transform(input, kernel, stride=strides, padding=sides, dilation=dilations)


def sliding_window_pool(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    mode: PoolMode = PoolMode.MAX,
    *,
    algorithm: AlgorithmName | None = None,
    backend: Backend | None = None,
) -> Tensor:
    """Largest value or average of windows of input (B, C, L) or (B, C, H, W), as planned.

    As torch's max_pool and avg_pool of one and two dimensions: stride kernel_size unless given, padding
    at most half of it, averages divided by all taps. Windows may have any width: their cost grows with
    its logarithm where the native core runs them.
    """
    ndim = input.ndim - 2
    if ndim not in (1, 2):
        raise ShapeError(
            f"expected input (B, C, L) or (B, C, H, W), got {tuple(input.shape)}; add a batch axis"
        )
    return pooling(
        input,
        per_axis(kernel_size, ndim, "kernel_size"),
        stride=per_axis(kernel_size if stride is None else stride, ndim, "stride"),
        padding=per_axis(padding, ndim, "padding"),
        mode=mode,
        choice=Choice(algorithm, backend),
    )
