"""A language model without attention: embeddings rebuilt from a dictionary of waves over position.

Kiruluta, 2025, https://arxiv.org/abs/2505.00033, of whose text the abstract and a figure were at hand.
Deviation: the published head mixes in a pointer to earlier words, here it is a linear map.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.operators.sequence.spectral_dictionary_mixer1d import SpectralDictionaryMixer1d

ATOMS = 64
TAPS = 8  # of the encoder: what the model sees of the past


@final
@dataclass(frozen=True, slots=True)
class Reconstruction:
    """What the losses compare."""

    logits: Tensor  # (B, tokens, L), as torch's cross_entropy takes them
    embedded: Tensor  # (B, C, L)
    rebuilt: Tensor  # (B, C, L), by the dictionary
    coefficients: Tensor  # (B, atoms, L)


@final
class SpectralDictionaryLM(nn.Module):
    """Embedding, dictionary, linear head.  Shapes: codes (B, L) of integers -> logits (B, tokens, L)."""

    def __init__(self, tokens: int, channels: int, *, atoms: int = ATOMS, taps: int = TAPS) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, channels)
        self.mixer = SpectralDictionaryMixer1d(channels, atoms, taps)
        self.head = nn.Linear(channels, tokens)

    def reconstruct(self, codes: Tensor) -> Reconstruction:
        embedded = self.embedding(codes).transpose(1, 2)
        coefficients = self.mixer.coefficients(embedded)
        return self.rebuild(coefficients, embedded)

    def rebuild(self, coefficients: Tensor, embedded: Tensor) -> Reconstruction:
        """From coefficients (B, atoms, L), which may be drawn from a prior."""
        rebuilt = self.mixer.decode(coefficients)
        logits = self.head(rebuilt.transpose(1, 2)).transpose(1, 2)
        return Reconstruction(logits, embedded, rebuilt, coefficients)

    def forward(self, codes: Tensor) -> Tensor:
        return self.reconstruct(codes).logits

    @torch.no_grad()
    def continued(self, codes: Tensor, length: int) -> Tensor:
        """codes (B, L) with the most likely tokens behind them -> (B, L + length)."""
        for _ in range(length):
            new = self(codes)[..., -1:].argmax(1)
            codes = torch.cat([codes, new], 1)
        return codes
