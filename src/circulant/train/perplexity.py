"""How well a language model, or none, foresees the next token."""

from math import exp

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHUNK = 64  # sequences at once; bounds the memory, not the result


@torch.no_grad()
def perplexity(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """exp of the mean cross entropy of network(x) (B, tokens, L) at tokens y (B, L)."""
    network.eval()
    pieces = zip(x.split(CHUNK), y.split(CHUNK), strict=True)
    total = sum(F.cross_entropy(network(a), b, reduction="sum").item() for a, b in pieces)
    return exp(total / y.numel())


def unigram_perplexity(train: Tensor, test: Tensor, tokens: int) -> float:
    """Of the tokens' frequencies in train, each counted once more, at those of test."""
    share = torch.bincount(train.flatten(), minlength=tokens).double() + 1
    return exp(-(share / share.sum()).log()[test.flatten()].mean().item())
