"""A causal stack that goes on where it stopped, and what it must remember for that."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from circulant.models.language_model import LanguageModel


def initial_states(
    model: LanguageModel, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> tuple[Any, ...]:
    """One for each layer. Layers are those of `mixing_layer`, their mixers have initial_state and step."""
    layers: Any = model.layers
    return tuple(layer[0].branch.initial_state(batch, device=device, dtype=dtype) for layer in layers)


def step(model: LanguageModel, codes: Tensor, states: Sequence[Any]) -> tuple[Tensor, tuple[Any, ...]]:
    """Codes (B, n) after states -> logits (B, tokens, n), new states."""
    layers: Any = model.layers
    x, after = model.embedding(codes).transpose(1, 2), []
    for (mixing, mlp), state in zip(layers, states):
        mixed, new = mixing.branch.step(mixing.norm(x), state)
        x = mlp(x + mixed)
        after.append(new)
    return model.head(model.norm(x).transpose(1, 2)).transpose(1, 2), tuple(after)


def state_numbers(state: Any) -> int:
    """How many numbers the tensors in a state hold together."""
    if isinstance(state, Tensor):
        return state.numel()
    if is_dataclass(state):
        return sum(state_numbers(getattr(state, field.name)) for field in fields(state))
    return sum(map(state_numbers, state)) if isinstance(state, Sequence) else 0
