"""Perplexities of known answers."""

import pytest
import torch
from torch import nn

from circulant.train.perplexity import perplexity, unigram_perplexity


def test_a_model_that_knows_nothing_is_as_perplexed_as_there_are_tokens():
    class Even(nn.Module):
        def forward(self, codes):
            return torch.zeros(len(codes), 7, codes.shape[1])

    codes = torch.randint(0, 7, (100, 5))
    assert perplexity(Even(), codes, codes) == pytest.approx(7)


def test_frequencies_are_those_of_the_training_text():
    train, test = torch.tensor([0, 0, 0, 1, 1, 2]), torch.tensor([0, 2])
    assert unigram_perplexity(train, test, 3) == pytest.approx((4 / 9 * 2 / 9) ** -0.5)
