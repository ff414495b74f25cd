"""TransNormer: softmax attention inside blocks in the lower layers, linear attention with a norm above."""

from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.models.language_model import LanguageModel, mixing_layer
from circulant.models.streaming import initial_states, step
from circulant.operators.sequence.diag_attention1d import DiagAttention1d
from circulant.operators.sequence.norm_attention1d import NormAttention1d


@final
class TransNormer(nn.Module):
    """The first half of the layers looks at neighbours, the second at everything before.

    Shapes: codes (B, L) of integers -> logits (B, tokens, L). Each layer has a gated MLP behind its attention
    and norms in front. positions: longest input of a learnt position embedding; without one the order is
    seen through the blocks alone, and the model can stream.
    """

    def __init__(
        self,
        tokens: int,
        channels: int,
        depth: int,
        *,
        heads: int = 4,
        block: int = 64,
        positions: int | None = None,
    ) -> None:
        super().__init__()
        if depth < 2:
            raise ArgumentError(f"expected a depth of 2 or more, a half for each attention, got {depth}")
        near = [DiagAttention1d(channels, heads, block) for _ in range(depth // 2)]
        far = [NormAttention1d(channels, heads) for _ in range(depth - depth // 2)]
        layers = [mixing_layer(channels, mixer) for mixer in (*near, *far)]
        self.network = LanguageModel(tokens, channels, layers, positions=positions)

    def forward(self, codes: Tensor) -> Tensor:
        return self.network(codes)

    def initial_state(self, batch: int, *, device: torch.device | None = None) -> tuple[Any, ...]:
        if self.network.position is not None:
            raise ArgumentError("expected a TransNormer without positions to stream; leave them out")
        return initial_states(self.network, batch, device=device)

    def step(self, codes: Tensor, state: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
        """Codes (B, n) after state -> logits (B, tokens, n), new state."""
        return step(self.network, codes, state)
