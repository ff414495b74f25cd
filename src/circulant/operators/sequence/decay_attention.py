r"""Causal linear attention with decay, in tiles: time linear in the length, memory for one state.

    y[l] = sum_{m <= l} decay^(l - m) (q[l] . k[m]) v[m]

Inside a tile the products q . k are masked by powers of the decay; what came before the tile enters
through a state (D, E), the decayed sum of k[m] v[m]^T. No power has a negative exponent, so that
strong decays cannot overflow. Half precision is computed in float32.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.cost import Cost, matmul_cost
from circulant.core.sizes import Shape

TILE = 64  # samples; the work inside tiles then equals that between them for heads of 32 to 64 channels


def decay_attention(
    q: Tensor, k: Tensor, v: Tensor, decay: Tensor, state: Tensor | None = None, tile: int = TILE
) -> Tensor:
    """q, k (B, H, L, D), v (B, H, L, E), decay (H,) from 0 to 1, state (B, H, D, E) -> y (B, H, L, E)."""
    L, dtype = q.shape[2], v.dtype
    tile = L if tile > L else tile
    q, k, v = (_tiles(tensor, tile) for tensor in (q, k, v))
    decay = decay.to(v.dtype)[:, None]
    position = torch.arange(tile, device=v.device)
    lag = position[:, None] - position
    mask = decay[..., None] ** lag.clamp(min=0) * (lag >= 0)
    inside = (q @ k.mT * mask[:, None]) @ v
    added = (k * (decay ** (tile - 1 - position))[:, None, :, None]).mT @ v
    before = _states_before(added, decay[:, None] ** tile, state)
    across = (q * (decay ** (position + 1))[:, None, :, None]) @ before
    return (inside + across).flatten(2, 3)[:, :, :L].to(dtype)


def decay_state(k: Tensor, v: Tensor, decay: Tensor, state: Tensor) -> Tensor:
    """The state (B, H, D, E) after L more samples of k and v: one per head, whatever came before."""
    L = k.shape[2]
    k, v = _wide(k), _wide(v)
    decay = decay.to(v.dtype)[:, None]
    remains = decay ** torch.arange(L - 1, -1, -1, device=v.device)
    new = (k * remains[..., None]).mT @ v
    return (decay[..., None] ** L * state.to(v.dtype) + new).to(state.dtype)


def decay_attention_cost(heads: Shape, length: int, keys: int, values: int, tile: int = TILE) -> Cost:
    """For q, k (*heads, length, keys) and v (*heads, length, values): four products for each tile."""
    tile = min(tile, length)
    products = (
        matmul_cost(tile, keys, tile)
        + matmul_cost(tile, tile, values)
        + matmul_cost(keys, tile, values)
        + matmul_cost(tile, keys, values)
    )
    tiles = (length + tile - 1) // tile
    for size in heads:
        tiles *= size
    return products * tiles


def _wide(tensor: Tensor) -> Tensor:
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _tiles(tensor: Tensor, tile: int) -> Tensor:
    """(B, H, L, D) -> (B, H, tiles, tile, D), zeros after the end."""
    B, H, L, D = tensor.shape
    tiles = (L + tile - 1) // tile
    padded = F.pad(_wide(tensor), (0, 0, 0, tiles * tile - L)) if tile < L else _wide(tensor)
    return padded.reshape(B, H, tiles, tile, D)


def _states_before(added: Tensor, decay: Tensor, state: Tensor | None) -> Tensor:
    """added (B, H, tiles, D, E), what each tile adds -> what each tile finds."""
    current = torch.zeros_like(added[:, :, 0]) if state is None else state.to(added.dtype)
    before = []
    for new in added.unbind(2):
        before.append(current)
        current = decay * current + new
    return torch.stack(before, dim=2)
