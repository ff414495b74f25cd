"""Predictions with and without the text, put together."""

import pytest
import torch

from circulant.core.errors import ShapeError
from circulant.models.guidance import guidance_of_branches, lend_attention, noise_damped_guidance


def test_the_mild_network_leads_and_the_strong_one_gives_the_direction():
    mild, without, text = torch.randn(3, 2, 4, 8, 8, dtype=torch.float64)
    assert torch.allclose(noise_damped_guidance(mild, without, text, 7.5), mild + 7.5 * text - 7.5 * without)
    assert torch.equal(noise_damped_guidance(mild, without, without, 7.5), mild)


def test_with_one_network_it_is_plain_guidance_without_a_classifier():
    without, text = torch.randn(2, 3, 4, 8, 8, dtype=torch.float64)
    plain = without + 3 * (text - without)
    assert torch.equal(noise_damped_guidance(without, without, text, 3), plain)
    assert torch.equal(guidance_of_branches(torch.cat([without, torch.zeros_like(text), text]), 3), plain)


def test_the_third_branch_takes_attention_of_the_second():
    values = torch.randn(6, 5, 2)
    lent = lend_attention(values)
    assert torch.equal(lent[:4], values[:4])
    assert torch.equal(lent[4:], values[2:4])
    with pytest.raises(ShapeError, match="three branches"):
        lend_attention(values[:4])
