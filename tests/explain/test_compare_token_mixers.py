"""The five mixers, trained on digits."""

import pytest

from circulant.core.errors import ArgumentError
from circulant.data.mnist import mnist_5k
from circulant.explain.compare_token_mixers import compare_token_mixers
from circulant.models.unified_backbone import TOKEN_MIXERS, UnifiedDesign


def test_one_mixer_after_a_few_steps_is_reported_in_full():
    (result,) = compare_token_mixers(
        mnist_5k(0),
        {"depthwise": TOKEN_MIXERS["depthwise"]},
        design=UnifiedDesign((8, 16), (1, 1)),
        seeds=(0,),
        steps=3,
    )
    assert result.name == "depthwise"
    assert len(result.accuracy) == 1
    assert result.spread == 0
    assert 0 < result.half_side <= 28
    assert result.invariance.rows
    assert "depthwise:" in str(result)


@pytest.mark.slow
def test_five_mixers_of_three_seeds_learn_digits():
    results = compare_token_mixers(mnist_5k(0))
    assert [result.name for result in results] == list(TOKEN_MIXERS)
    for result in results:
        assert len(set(result.accuracy)) > 1
        assert 0 < result.spread < 0.1
        assert min(result.accuracy) > 0.4, str(result)  # guessing has 0.1


def test_nothing_to_compare_is_refused():
    with pytest.raises(ArgumentError, match="expected mixers, seeds"):
        compare_token_mixers(mnist_5k(0), {})
