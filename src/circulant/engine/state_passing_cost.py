"""Work of a diagonal state-space model whose state is passed from chunk to chunk."""

from circulant.core.cost import ZERO_COST, Cost, matmul_cost
from circulant.core.sizes import Shape
from circulant.engine.costs import long_conv_cost


def state_passing_cost(shape: Shape, states: int, chunk: int) -> Cost:
    """Of `flash_conv_state_passing` for u (B, C, L) and a (C, states, 2)."""
    B, C, L = shape
    whole, rest = divmod(L, chunk)
    return _chunk_cost((B, C, chunk), states) * whole + _chunk_cost((B, C, rest), states)


def _chunk_cost(shape: Shape, states: int) -> Cost:
    """Its convolution, what it adds to the state, what the state adds to it."""
    B, C, n = shape
    return long_conv_cost(shape, n) + matmul_cost(B, n, 2 * states) * (2 * C) if n else ZERO_COST
