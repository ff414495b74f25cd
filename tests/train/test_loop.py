"""The training loop on data small enough to know what should happen."""

import math
from time import perf_counter

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, TrainingError
from circulant.train import loop
from circulant.train.allowance import Epochs, Seconds
from circulant.train.batches import shuffled_batches
from circulant.train.loop import EVALUATIONS, Step, train
from circulant.train.one_thread import one_thread
from circulant.train.predict import predict
from circulant.train.recipe import Recipe
from circulant.train.tensors import Tensors


def plane(examples=64, seed=0):
    """Two classes that a line separates."""
    x = torch.randn(examples, 2, generator=torch.Generator().manual_seed(seed))
    y = (x[:, 0] + x[:, 1] > 0).long()
    return Tensors(x, y, x.clone(), y.clone())


def line():
    torch.manual_seed(0)
    return nn.Linear(2, 2)


def test_a_line_is_learnt():
    run = train(line(), plane(), Epochs(40), Recipe(learning_rate=0.1), 0)
    assert run.evaluations[-1].test_score > 0.95
    assert run.evaluations[-1].train_loss < 0.7 * run.evaluations[0].train_loss
    assert sum(p == t for p, t in zip(run.result.predicted, plane().y_test.tolist(), strict=True)) / 64 > 0.95


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    runs = [train(line(), plane(), Epochs(2), Recipe(), seed) for seed in (3, 3, 4)]
    losses = [[point.train_loss for point in run.evaluations] for run in runs]
    assert losses[0] == losses[1] and losses[0] != losses[2]


def test_operators_that_draw_while_training_are_seeded_too_and_leave_the_global_state_alone():
    networks = [nn.Sequential(line(), nn.Dropout(0.5)) for _ in range(2)]
    torch.manual_seed(99)
    before = torch.get_rng_state()
    first = train(networks[0], plane(), Epochs(2), Recipe(), 0)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(100)
    second = train(networks[1], plane(), Epochs(2), Recipe(), 0)
    assert [p.train_loss for p in first.evaluations] == [p.train_loss for p in second.evaluations]


class Witness(nn.Module):
    """Remembers the training examples it meets."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner
        self.met = []

    def forward(self, x):
        if self.training:
            self.met.append(x.clone())
        return self.inner(x)


def test_every_network_meets_the_same_examples_in_the_same_order():
    torch.manual_seed(1)
    deep = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, 2))
    witnesses = [Witness(line()), Witness(deep)]
    for witness in witnesses:
        train(witness, plane(), Epochs(3), Recipe(batch=10), 7)
    first, second = (torch.cat(witness.met) for witness in witnesses)
    assert torch.equal(first, second) and len(first) == 3 * 60


def test_each_epoch_has_every_example_at_most_once_in_a_new_order():
    batches = shuffled_batches(23, 5, 0)
    epochs = [torch.cat([next(batches) for _ in range(4)]).tolist() for _ in range(3)]
    assert all(len(set(epoch)) == 20 and set(epoch) <= set(range(23)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


@pytest.mark.parametrize(("amount", "steps"), [(1, 6), (2.5, 15), (0.1, 1)])
def test_a_budget_in_epochs_is_that_many_steps(amount, steps):
    witness = Witness(line())
    train(witness, plane(), Epochs(amount), Recipe(batch=10), 0)
    assert len(witness.met) == steps


def test_a_budget_in_seconds_is_obeyed_and_evaluation_is_not_counted(monkeypatch):
    """A clock of our own: a step takes one second, a look at the test part a hundred."""
    clock = [0.0]
    network = Witness(line())
    network.register_forward_hook(lambda module, inputs, output: advance(1.0 if module.training else 100.0))

    def advance(seconds):
        clock[0] += seconds

    monkeypatch.setattr(loop, "perf_counter", lambda: clock[0])
    run = train(network, plane(), Seconds(7.5), Recipe(), 0)
    assert run.seconds == 8 and len(network.met) == 8  # the step that crosses the limit is the last
    assert [point.seconds for point in run.evaluations] == [2, 4, 6, 8]
    assert clock[0] == 8 + 100 * EVALUATIONS


def test_a_budget_in_real_seconds_ends_soon_after():
    start = perf_counter()
    run = train(line(), plane(), Seconds(0.3), Recipe(), 0)
    assert 0.3 <= run.seconds <= perf_counter() - start < 3


def test_evaluations_are_even_over_the_budget_and_the_last_is_of_the_finished_network():
    network = line()
    data = plane()
    run = train(network, data, Epochs(4), Recipe(batch=16), 0)
    assert [point.epoch for point in run.evaluations] == [1, 2, 3, 4]
    predicted = predict(network, data.x_test)
    assert run.result.predicted == tuple(predicted.tolist())
    assert run.evaluations[-1].test_score == pytest.approx((predicted == data.y_test).float().mean().item())


def test_one_step_follows_torch_by_hand():
    data, recipe = plane(8), Recipe(learning_rate=0.01, largest_gradient=0.05)
    mine, theirs = line(), line()
    loss = Step(mine, recipe)(data.x_train, data.y_train, 0.05)
    optimiser = torch.optim.AdamW(
        theirs.parameters(), lr=recipe.rate(0.05), weight_decay=0.05, betas=(0.9, 0.99)
    )
    expected = nn.functional.cross_entropy(theirs(data.x_train), data.y_train, label_smoothing=0.1)
    expected.backward()
    norm = torch.cat([parameter.grad.flatten() for parameter in theirs.parameters()]).norm()
    assert norm > 0.05
    for parameter in theirs.parameters():
        parameter.grad *= 0.05 / (norm + 1e-6)
    optimiser.step()
    assert loss == pytest.approx(expected.item())
    assert all(
        torch.allclose(a, b, atol=1e-7) for a, b in zip(mine.parameters(), theirs.parameters(), strict=True)
    )


def test_the_learning_rate_rises_then_falls_to_zero():
    recipe = Recipe(learning_rate=1.0, warm_up=0.1)
    assert recipe.rate(0.0) == pytest.approx(0.01)
    assert recipe.rate(0.1) == pytest.approx(0.5 * (1 + math.cos(0.1 * math.pi)))
    rates = [recipe.rate(0.1 + 0.09 * step) for step in range(11)]
    assert rates == sorted(rates, reverse=True) and rates[-1] == pytest.approx(0)


@pytest.mark.parametrize(("examples", "batch"), [(4000, 32), (50, 12), (9, 2), (3, 2)])
def test_small_sets_are_cut_into_small_batches(examples, batch):
    assert Recipe().batch_for(examples) == batch


def test_training_that_diverges_says_so():
    class Exploding(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2))

        def forward(self, x):
            return x * self.weight * float("nan")

    with pytest.raises(TrainingError, match=r"needs a finite loss, got nan in epoch 0\.\d+; the operator"):
        train(Exploding(), plane(), Epochs(1), Recipe(), 0)


@pytest.mark.parametrize("kind", [Epochs, Seconds])
@pytest.mark.parametrize("amount", [0, -1, math.inf, math.nan])
def test_a_budget_must_be_positive_and_finite(kind, amount):
    with pytest.raises(ArgumentError, match="expected a positive number of"):
        kind(amount)


def test_predicting_changes_neither_mode_nor_weights_and_chunks_do_not_matter():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).train()
    x = torch.randn(601, 2)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    classes = predict(network, x)
    assert network.training and all(
        torch.equal(before[key], value) for key, value in network.state_dict().items()
    )
    assert torch.equal(classes, network.eval()(x).argmax(1))


def test_one_thread_is_put_back_after_an_error():
    before = torch.get_num_threads()
    with pytest.raises(KeyError), one_thread():
        assert torch.get_num_threads() == 1
        raise KeyError
    assert torch.get_num_threads() == before
