"""Pooling of pictures, with half a window around them: largest values and averages."""

import torch
from torch import Tensor

from circulant.bench.calls import Make, MakeForArrays
from circulant.bench.case import Function
from circulant.bench.contestant import Layout
from circulant.bench.operation import (
    SCIPY,
    Operation,
    arrays,
    compiled,
    looped_or,
    normal,
    ours,
    peer,
    plain,
    runtimes,
    variant,
)
from circulant.bench.peers import onnx_layer, scipy_filters, torch_pool
from circulant.core.sizes import Shape
from circulant.problems.pooling import PoolingProblem, PoolMode, reference
from circulant.windows import sliding_window_pool


def _operands(shape: Shape) -> tuple[Tensor, ...]:
    batch, channels, pixels, *_ = shape
    return normal((batch, channels, pixels, pixels))


def _pooling(mode: PoolMode, name: str, own: Make, by_axes: Make, filtered: MakeForArrays) -> Operation:
    """name, own: torch's function; by_axes: the same along one axis after the other."""

    def exact(shape: Shape) -> Function:
        batch, channels, pixels, kernel, stride = shape
        problem = PoolingProblem(
            torch.float64, mode, batch, channels, (pixels,) * 2, (kernel,) * 2, (stride,) * 2,
            (kernel // 2,) * 2,
        )  # fmt: skip
        return looped_or(problem, reference, own(shape))

    def engine(shape: Shape) -> Function:
        kernel, stride = shape[3:]
        return lambda x: sliding_window_pool(x, kernel, stride, kernel // 2, mode)

    return Operation(
        ("batch", "channels", "pixels", "kernel", "stride"),
        _operands,
        exact,
        (
            ours(engine),
            variant("circulant, channels last", engine, Layout.CHANNELS_LAST),
            plain(name, own),
            peer(f"{name}, channels last", own, layout=Layout.CHANNELS_LAST),
            peer(f"{name}, rows then columns", by_axes),
            peer(f"{name}, rows then columns, channels last", by_axes, layout=Layout.CHANNELS_LAST),
            compiled(name, own),
            arrays("scipy.ndimage, rows then columns", filtered, SCIPY),
            *runtimes(onnx_layer.pooling(mode), remark=""),
        ),
    )


MAX_POOL2D = _pooling(
    PoolMode.MAX, "F.max_pool2d", torch_pool.max_pool2d, torch_pool.max_pool2d_by_axes,
    scipy_filters.max_pool2d,
)  # fmt: skip
AVERAGE_POOL2D = _pooling(
    PoolMode.AVERAGE, "F.avg_pool2d", torch_pool.avg_pool2d, torch_pool.avg_pool2d_by_axes,
    scipy_filters.avg_pool2d,
)  # fmt: skip
