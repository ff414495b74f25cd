"""Training of spectral dictionaries: three losses at once, and a prior over the coefficients."""

from typing import final

import torch.nn.functional as F
from torch import Tensor, nn

from circulant.models.spectral_dictionary_lm import SpectralDictionaryLM
from circulant.train.stft_loss import HOP, WINDOW, stft_loss


@final
class DictionaryObjective(nn.Module):
    """Cross entropy + time * embedding error + frequency * STFT error, for codes (B, L + 1) -> scalar.

    The rebuilt embedding at a position is compared with the embedding of the next token, which the
    head reads from it too; the embedding is a target there and gets no gradient.
    """

    def __init__(self, network: SpectralDictionaryLM, time: float = 0.1, frequency: float = 0.01) -> None:
        super().__init__()
        self.network, self.time, self.frequency = network, time, frequency

    def forward(self, codes: Tensor) -> Tensor:
        made = self.network.reconstruct(codes[:, :-1])
        wanted = self.network.embedding(codes[:, 1:]).transpose(1, 2).detach()
        window = min(WINDOW, codes.shape[1] - 1)
        spectral = stft_loss(made.rebuilt, wanted, window, min(HOP, window))
        error = self.time * F.mse_loss(made.rebuilt, wanted) + self.frequency * spectral
        return F.cross_entropy(made.logits, codes[:, 1:]) + error


def objective_error(error: Tensor, codes: Tensor) -> Tensor:
    """The loss for `fit(DictionaryObjective(network), codes, codes, loss=objective_error, ...)`."""
    return error
