"""The network for text: one grid from the first to the last block, so that no position sees the next."""

from typing import final

import torch
from torch import Tensor, nn

from circulant.models.language_model import LanguageModel, mixing_layer
from circulant.models.mixer import Build
from circulant.models.operator_network import Design, OperatorNetwork, middle, seed_slot


@final
class CausalBackbone(OperatorNetwork):
    """Embedding, pre-norm blocks, and a linear map to the characters.

    Shapes: codes (B, 1, L) -> logits (B, characters, L). Causal if what build makes is.
    """

    def __init__(self, characters: int, length: int, build: Build, seed: int, design: Design) -> None:
        """The seed decides every weight, the global state none. All blocks have the design's first width."""
        super().__init__()
        width = design.width
        with torch.random.fork_rng(devices=[]):
            operators = []
            for position in range(design.depth):
                seed_slot(seed, position)
                operators.append(build(width, (length,)))
            torch.manual_seed(seed)
            layers = [mixing_layer(width, operator) for operator in operators]
            self.model = LanguageModel(characters, width, layers)
        self._middle = operators[middle(design.depth)]

    @property
    def middle_operator(self) -> nn.Module:
        return self._middle

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.model(x[:, 0])
        return logits
