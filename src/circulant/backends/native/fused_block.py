"""A residual block in one pass over tiles that fit the cache, the forward pass.

Any sizes and groups; batches, channels and positions must not be empty.
"""

from typing import Any

from torch import Tensor

from circulant.algorithms.block_fusion import BlockFusion
from circulant.backends.native import core
from circulant.backends.native.call import Operand, call
from circulant.problems.conv_first_block import ConvFirstBlockProblem

NAMES = ("x", "kernel", "kernel_bias", "expand", "expand_bias", "project", "project_bias")


def solve(problem: ConvFirstBlockProblem, x: Tensor, *weights: Tensor) -> Tensor:
    named = zip(NAMES, (x, *weights), problem.operand_shapes, strict=True)
    operands = [Operand(name, tensor, shape) for name, tensor, shape in named]
    return call("fused_block", sizes(problem), operands, problem.result_shape, problem.dtype)


def sizes(problem: ConvFirstBlockProblem) -> Any:
    """As the core takes them, with the tiles that the algorithm chooses."""
    p, module, tile = problem, core.load(), BlockFusion().tile(problem)
    return module.FusedBlockSizes(
        batch=p.batch,
        channels=p.channels,
        groups=p.groups,
        expanded=p.expanded,
        height=p.spatial[0],
        width=p.spatial[1],
        taps=p.kernel,
        activation=module.BlockActivation[p.activation.name],
        tile_rows=tile.rows,
        tile_columns=tile.columns,
    )
