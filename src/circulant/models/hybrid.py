"""Language models of linear mixers with a layer of full attention after every few of them."""

from collections.abc import Callable
from enum import Enum
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.models.causal_attention import CausalAttention
from circulant.models.language_model import LanguageModel, mixing_layer
from circulant.models.streaming import initial_states, state_numbers, step
from circulant.operators.sequence.delta_rule_mixer1d import DeltaRuleMixer1d
from circulant.operators.sequence.gated_delta_net_mixer1d import GatedDeltaNetMixer1d
from circulant.operators.sequence.gated_linear_attention1d import GatedLinearAttention1d
from circulant.operators.sequence.hgrn2_mixer1d import Hgrn2Mixer1d
from circulant.operators.sequence.retention_mixer1d import RetentionMixer1d

PUBLISHED_RATIOS = (24, 12, 6, 3)  # linear layers to one of full attention

BuildMixer = Callable[[int], nn.Module]  # number of the layer -> causal mixer with initial_state and step


class LinearMixer(Enum):
    """The mixers of the study that are built of this library's operators."""

    RETENTION = "retention"
    GATED_LINEAR_ATTENTION = "gated linear attention"
    HGRN2 = "HGRN2"
    DELTA_RULE = "DeltaNet"
    GATED_DELTA_NET = "Gated DeltaNet"


def mixer_builder(kind: LinearMixer, channels: int, heads: int, depth: int) -> BuildMixer:
    """Builds the mixer of each layer, from 0 up; layers of HGRN2 share one parameter for their bounds."""
    if kind is LinearMixer.HGRN2:
        return _hgrn2_builder(channels, heads, depth)
    build: dict[LinearMixer, Callable[[int, int], nn.Module]] = {
        LinearMixer.RETENTION: RetentionMixer1d,
        LinearMixer.GATED_LINEAR_ATTENTION: GatedLinearAttention1d,
        LinearMixer.DELTA_RULE: DeltaRuleMixer1d,
        LinearMixer.GATED_DELTA_NET: GatedDeltaNetMixer1d,
    }
    return lambda layer: build[kind](channels, heads)


def _hgrn2_builder(channels: int, heads: int, depth: int) -> BuildMixer:
    bounds = nn.Parameter(torch.zeros(depth, channels))

    def build(layer: int) -> nn.Module:
        mixer = Hgrn2Mixer1d(channels, heads, layer=layer, layers=depth)
        mixer.bounds = bounds if layer > 0 else None
        return mixer

    return build


def is_full_attention(layer: int, linear_per_full: int | None) -> bool:
    """Every (n + 1)th layer for n linear ones to each of full attention; None for no full attention."""
    return linear_per_full is not None and (layer + 1) % (linear_per_full + 1) == 0


@final
class HybridSequenceModel(nn.Module):
    """linear_per_full: 3 for the ratio 3:1, 0 for full attention alone, None for linear mixers alone.

    Shapes: codes (B, L) of integers -> logits (B, tokens, L).
    """

    def __init__(
        self,
        tokens: int,
        channels: int,
        depth: int,
        mixer: BuildMixer,
        linear_per_full: int | None,
        *,
        heads: int = 4,
    ) -> None:
        super().__init__()
        if depth < 1 or (linear_per_full is not None and linear_per_full < 0):
            raise ArgumentError(
                "expected a depth of 1 or more and linear_per_full of 0 or more or None, "
                f"got {depth} and {linear_per_full}"
            )
        self.channels = channels
        self.full = tuple(is_full_attention(layer, linear_per_full) for layer in range(depth))
        mixers = [
            CausalAttention(channels, heads) if full else mixer(layer) for layer, full in enumerate(self.full)
        ]
        self.network = LanguageModel(tokens, channels, [mixing_layer(channels, mixer) for mixer in mixers])

    def forward(self, codes: Tensor) -> Tensor:
        return self.network(codes)

    def initial_state(self, batch: int, *, device: torch.device | None = None) -> tuple[Any, ...]:
        return initial_states(self.network, batch, device=device)

    def step(self, codes: Tensor, state: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
        """Codes (B, n) after state -> logits (B, tokens, n), new state."""
        return step(self.network, codes, state)

    def state_byte(self, length: int, *, element_byte: int = 4) -> int:
        """What one sequence of that length must be remembered by.

        Full attention keeps a key and a value for every sample, 2 C length; a linear mixer keeps its state,
        whatever the length.
        """
        states = initial_states(self.network, 1, device=torch.device("meta"))
        linear = sum(state_numbers(state) for state, full in zip(states, self.full) if not full)
        return element_byte * (linear + sum(self.full) * 2 * self.channels * length)
