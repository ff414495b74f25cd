"""A residual block: grouped 3 x 3 convolution, 1 x 1 expansion, SiLU, 1 x 1 projection, sum."""

import torch
from torch import Tensor

from circulant.bench.case import Function
from circulant.bench.contestant import Layout
from circulant.bench.operation import (
    Operation,
    compiled,
    looped_or,
    normal,
    ours,
    peer,
    plain,
    runtimes,
    variant,
)
from circulant.bench.peers import onnx_layer, torch_block
from circulant.core.sizes import Shape, product
from circulant.engine.conv_first_block import BlockWeights, conv_first_block
from circulant.problems.conv_first_block import BlockActivation, ConvFirstBlockProblem, reference

KERNEL = 3
LAYERS = "layer by layer"


def _problem(shape: Shape) -> ConvFirstBlockProblem:
    batch, channels, pixels, group_width, expansion = shape
    return ConvFirstBlockProblem(
        torch.float64, BlockActivation.SILU, batch, channels, (pixels, pixels), KERNEL,
        channels // group_width, expansion * channels,
    )  # fmt: skip


def _operands(shape: Shape) -> tuple[Tensor, ...]:
    """Kernels scaled so that every layer keeps the size of its input, as trained ones about do."""
    x, *weights = normal(*_problem(shape).operand_shapes)
    return x, *(weight / max(product(weight.shape[1:]), 1) ** 0.5 for weight in weights)


def _exact(shape: Shape) -> Function:
    return looped_or(_problem(shape), reference, torch_block.conv_first_block(shape))


def _engine(_shape: Shape) -> Function:
    def planned(x: Tensor, *weights: Tensor) -> Tensor:
        return conv_first_block(x, BlockWeights(*weights), BlockActivation.SILU)

    return planned


FUSED_BLOCK = Operation(
    ("batch", "channels", "pixels", "group_width", "expansion"),
    _operands,
    _exact,
    (
        ours(_engine),
        variant("circulant, channels last", _engine, Layout.CHANNELS_LAST),
        plain(LAYERS, torch_block.conv_first_block),
        peer(f"{LAYERS}, channels last", torch_block.conv_first_block, layout=Layout.CHANNELS_LAST),
        compiled(LAYERS, torch_block.conv_first_block),
        compiled(f"{LAYERS}, channels last", torch_block.conv_first_block, Layout.CHANNELS_LAST),
        *runtimes(onnx_layer.residual_block),
    ),
)
