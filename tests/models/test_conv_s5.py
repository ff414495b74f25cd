"""The predictor sees the past only, and learns where digits go."""

import pytest
import torch

from circulant.models.conv_s5 import ConvS5Predictor
from circulant.train.fit import fit
from circulant.train.recipe import Recipe


def test_a_frame_changes_no_prediction_before_it():
    torch.manual_seed(0)
    network = ConvS5Predictor(1, 4, 4, 2).double().eval()
    x = torch.randn(1, 1, 6, 5, 5, dtype=torch.float64)
    changed = x.clone()
    changed[:, :, 4] += 1
    before, after = network(x), network(changed)
    assert before.shape == x.shape
    assert torch.equal(before[:, :, :4], after[:, :, :4])
    assert not torch.equal(before[:, :, 4], after[:, :, 4])


@pytest.mark.slow
def test_the_next_frame_of_moving_digits_is_nearer_than_the_last_one():
    from sklearn.datasets import load_digits

    from circulant.data.moving_digits import moving_digits

    digits = (load_digits().images / 16).astype("float32")
    films = [
        torch.from_numpy(moving_digits(part, count, 10, 16, seed, digits=1))
        for part, count, seed in ((digits[:1500], 128, 1), (digits[1500:], 64, 2))
    ]
    torch.manual_seed(0)
    network = ConvS5Predictor(1, 16, 32, 2)
    (x, y), (x_test, y_test) = ((film[:, :, :-1], film[:, :, 1:]) for film in films)
    recipe = Recipe(batch=16, learning_rate=3e-3)
    fit(network, x, y, steps=60, loss=torch.nn.functional.mse_loss, recipe=recipe)
    with torch.no_grad():
        predicted = (network(x_test) - y_test)[:, :, 2:].square().mean()
    copied = (x_test - y_test)[:, :, 2:].square().mean()
    assert predicted < 0.8 * copied
