"""Networks in integers: what changes, the way back, the file, and digits read as well."""

from copy import deepcopy
from io import BytesIO

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.data.mnist import mnist_5k
from circulant.optimise.quantisation_grid import symmetric_grid
from circulant.optimise.quantisation_integer import Int8Layer
from circulant.optimise.quantise import (
    freeze_batch_statistics,
    prepare_quantised_training,
    quantise,
    to_integers,
)
from circulant.train.fit import fit
from circulant.train.predict import predict
from circulant.train.recipe import Recipe
from circulant.train.tensors import to_tensors


def network(width=8):
    torch.manual_seed(0)
    layers, before = [], 1
    for channels in (width, 2 * width, 4 * width):
        conv = nn.Conv2d(before, channels, 3, 2, padding=1, bias=False)
        layers += [nn.Sequential(conv, nn.BatchNorm2d(channels), nn.ReLU())]
        before = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10))


def byte_on_disk(module):
    file = BytesIO()
    torch.save(module.state_dict(), file)
    return file.tell()


def test_layers_and_their_batch_norms_become_integers_and_undo_restores():
    model, x = network().eval(), torch.randn(4, 1, 28, 28)
    state, expected = deepcopy(model.state_dict()), model(x)
    done = quantise(model, [x, x])
    assert [type(part) for part in model[0]] == [Int8Layer, nn.Identity, nn.ReLU]
    assert isinstance(model[5], Int8Layer)
    assert not model.training
    error = (model(x) - expected).norm() / expected.norm()
    assert 0 < error < 0.05
    assert "0.0: Conv2d" in str(done)
    assert done.undo() is model
    assert torch.equal(model(x), expected)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_a_file_of_integers_takes_about_a_quarter():
    model = network(64)
    before = byte_on_disk(model)
    quantise(model, [torch.randn(2, 1, 28, 28)])
    share = byte_on_disk(model) / before
    print(f"{share:.3f} of the file")
    assert 0.24 < share < 0.28


def test_a_layer_alone_may_be_quantised():
    layer, x = nn.Linear(6, 3), torch.randn(5, 6)
    done = quantise(layer, [x])
    assert isinstance(done.module, Int8Layer)
    assert (done.module(x) - layer(x)).abs().max() < 0.05
    assert done.undo() is layer


def test_a_network_that_fails_on_the_examples_is_put_back():
    model = network()
    with pytest.raises(RuntimeError):
        quantise(model, [torch.randn(1, 2, 28, 28)])
    assert isinstance(model[0][0], nn.Conv2d)
    with pytest.raises(ArgumentError, match="expected a range, got none"):
        quantise(model, [])
    assert isinstance(model[0][1], nn.BatchNorm2d)
    with pytest.raises(ArgumentError, match=r"convolutions of torch or nn\.Linear in the network"):
        quantise(nn.ReLU(), [])


@pytest.mark.slow
def test_digits_are_read_two_points_worse_at_most_after_training_and_one_when_trained_for_it():
    data = to_tensors(mnist_5k(0))
    model = network()
    fit(model, data.x_train, data.y_train, steps=600)

    def right(module):
        return (predict(module, data.x_test) == data.y_test).double().mean().item()

    for block in model[:3]:
        weight = block[0].weight.detach()
        channels, whole = symmetric_grid(weight), symmetric_grid(weight, per_channel=False)
        assert (channels.nearest(weight) - weight).norm() <= (whole.nearest(weight) - weight).norm()
    before = right(model)
    mixed = data.x_train[torch.randperm(len(data.x_train))[:500]]
    done = quantise(model, mixed.split(250))
    after = right(model)
    done.undo()
    control, recipe = deepcopy(model), Recipe(learning_rate=1e-3)  # trained as long, in floating point
    prepare_quantised_training(model, decay=0.99)
    for each in (model, control):
        fit(each, data.x_train, data.y_train, steps=150, recipe=recipe)
        freeze_batch_statistics(each)
        fit(each, data.x_train, data.y_train, steps=50, recipe=recipe, seed=1)
    to_integers(model)
    trained, longer = right(model), right(control)
    print(
        f"digits right: {before:.3f} in floating point, {after:.3f} quantised, {trained:.3f} trained for it, "
        f"{longer:.3f} in floating point trained as long"
    )
    assert before > 0.85
    assert after > before - 0.02
    assert trained > max(before, longer) - 0.01
