"""Softmax attention of few tokens with each other, without a square of weights in memory.

torch's fused kernel for CPUs has no second derivative: where one is asked for, gradients are written out.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from circulant.core.sizes import product
from circulant.engine.doors import needs_gradient

_FUSED = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_FUSED_GRADIENTS = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


@torch.library.custom_op("circulant::attention", mutates_args=(), device_types="cpu")
def _attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """y (B, T, H, d) and the logarithms of what the weights of each query are divided by (B, H, T)."""
    q, k, v = map(_rows, (q, k, v))
    y, normaliser = _FUSED(q, k, v, attn_mask=mask)
    return y.transpose(1, 2).contiguous(), normaliser.contiguous()


@_attention.register_fake
def _(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    wide = torch.promote_types(q.dtype, torch.float32)
    return q.new_empty(q.transpose(1, 2).shape), q.new_empty(q.shape[:-1], dtype=wide)


@torch.library.custom_op("circulant::attention_gradients", mutates_args=(), device_types="cpu")
def _gradients(
    cotangent: Tensor, q: Tensor, k: Tensor, v: Tensor, y: Tensor, normaliser: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Laid out as y; the cotangent too."""
    q, k, v = map(_rows, (q, k, v))
    made = _FUSED_GRADIENTS(cotangent.transpose(1, 2), q, k, v, y.transpose(1, 2), normaliser, 0.0, False)
    one, two, three = (gradient.transpose(1, 2).contiguous() for gradient in made)
    return one, two, three


@_gradients.register_fake
def _(cotangent: Tensor, q: Tensor, k: Tensor, v: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    one, two, three = (t.new_empty(t.transpose(1, 2).shape) for t in (q, k, v))
    return one, two, three


def _rows(t: Tensor) -> Tensor:
    """torch's kernel takes the numbers of one token for neighbours in memory, and does not look."""
    return t if t.stride(-1) == 1 else t.contiguous()


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*inputs[:3], *output)
    ctx.mark_non_differentiable(output[1])


def _backward(ctx: Any, cotangent: Tensor, _: Tensor | None) -> tuple[Tensor | None, ...]:
    """Without a mask: `attention` leaves those with derivatives to `_written_out`."""
    q, k, v, y, normaliser = ctx.saved_tensors
    if not torch.is_grad_enabled():
        return *(t.transpose(1, 2) for t in _gradients(cotangent, q, k, v, y, normaliser)), None
    cotangent = cotangent.transpose(1, 2)
    scale = q.shape[-1] ** -0.5
    weights = (q @ k.mT * scale).softmax(-1)
    slopes = cotangent @ v.mT
    scores = weights * (slopes - (slopes * weights).sum(-1, keepdim=True)) * scale
    return scores @ k, scores.mT @ q, weights.mT @ cotangent, None


def _flattened(
    info: Any, in_dims: Sequence[int | None], operands: Sequence[Tensor | None]
) -> list[Tensor | None]:
    batched = [
        None if t is None else t.movedim(dim, 0) if dim is not None else t.expand(info.batch_size, *t.shape)
        for t, dim in zip(operands, in_dims, strict=True)
    ]
    batch = max(t.shape[1] for t in batched if t is not None)
    return [None if t is None else t.expand(-1, batch, *(-1,) * (t.ndim - 2)).flatten(0, 1) for t in batched]


def _vmap(info: Any, in_dims: Sequence[int | None], *operands: Tensor) -> tuple[Any, tuple[int, ...]]:
    run = _attention if len(operands) == 4 else _gradients
    made = run(*_flattened(info, in_dims, operands))
    return tuple(t.unflatten(0, (info.batch_size, -1)) for t in made), (0,) * len(made)


_attention.register_autograd(_backward, setup_context=_save)
_attention.register_vmap(_vmap)
_gradients.register_vmap(_vmap)


@register_flop_formula(torch.ops.circulant.attention)
def _flop(q: tuple[int, ...], k: tuple[int, ...], v: tuple[int, ...], *_: Any, **__: Any) -> int:
    return 2 * product(q[:-1]) * k[-2] * (q[-1] + v[-1])


@register_flop_formula(torch.ops.circulant.attention_gradients)
def _flop_of_gradients(cotangent: tuple[int, ...], q: tuple[int, ...], *_: Any, **__: Any) -> int:
    return 10 * product(q) * q[-2]  # the scores again and four products


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """q, k and v (B, H, T, d), mask (B or 1, H, T, T) -> softmax(q k^T / sqrt(d) + mask) v (B, H, T, d)."""
    learnt = mask is not None and needs_gradient(q, k, v, mask)
    if q.device.type == "cpu" and q.numel() and not learnt:
        y: Tensor = _attention(q, k, v, mask)[0]
        return y.transpose(1, 2)
    return _written_out(q, k, v, mask)


def _written_out(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    scores = q * q.shape[-1] ** -0.5 @ k.mT
    if mask is not None:
        scores += mask
    return scores.softmax(-1) @ v
