"""Linear attention beside the masked square, and the tiles that save its memory."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.linear_attention1d import HEAD_CHANNELS, LinearAttention1d

TILE = 64


def _heads(module: LinearAttention1d, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    tokens = x.transpose(1, 2)
    q, k, v = (
        project(tokens).unflatten(-1, (module.heads, -1)).transpose(1, 2)
        for project in (module.query, module.key, module.value)
    )
    return q, k, v


def _merged(module: LinearAttention1d, y: Tensor) -> Tensor:
    return module.output(y.transpose(1, 2).flatten(2)).transpose(1, 2)


def _square(module: LinearAttention1d, steps: int) -> Tensor:
    """The factors between any two of so many steps, (heads, steps, steps)."""
    position = torch.arange(steps)
    lag = position[:, None] - position
    factors = torch.exp(-module.slope[:, None, None] * lag.clamp(min=0))
    return factors * (lag >= 0)


def _masked_square(module: LinearAttention1d, x: Tensor) -> Tensor:
    q, k, v = _heads(module, x)
    return _merged(module, ((q @ k.mT) * _square(module, x.shape[-1])) @ v)


def _tiles(module: LinearAttention1d, x: Tensor) -> Tensor:
    q, k, v = _heads(module, x)
    square, position = _square(module, TILE), torch.arange(TILE)
    since = torch.exp(-module.slope[:, None] * (position + 1))[..., None]
    until = torch.exp(-module.slope[:, None] * (TILE - 1 - position))[..., None]
    kept, state, found = torch.exp(-module.slope * TILE)[:, None, None], torch.zeros(()), []
    for q_tile, k_tile, v_tile in zip(q.split(TILE, 2), k.split(TILE, 2), v.split(TILE, 2)):
        n = q_tile.shape[2]
        inside = ((q_tile @ k_tile.mT) * square[:, :n, :n]) @ v_tile
        found.append(inside + (q_tile * since[:, :n]) @ state if state.ndim else inside)
        state = kept * state + (k_tile * until[:, -n:]).mT @ v_tile
    return _merged(module, torch.cat(found, 2))


ENTRY = Throughput(
    make=lambda shape: LinearAttention1d(shape[1], shape[1] // HEAD_CHANNELS // 2),
    shapes=((4, 128, 512), (2, 256, 2048)),
    obvious={"masked square": _masked_square, "tiles": _tiles},
    lowered=True,
)
