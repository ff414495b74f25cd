"""What each task lowers and is scored by, against hand computations."""

from math import log2

import pytest
import torch
from torch import nn

from circulant.data.task import Task
from circulant.train.objective import OBJECTIVES, evaluate, relative_errors
from circulant.train.predict import CHUNK, predict
from circulant.train.recipe import Recipe


class Fixed(nn.Module):
    """Answers the rows it holds, in order, whatever the input."""

    def __init__(self, answers):
        super().__init__()
        self.answers = answers

    def forward(self, x):
        assert not self.training
        return self.answers[x[:, 0].long()]


def result(task, answers, y):
    places = torch.arange(float(len(y)))[:, None]
    network = Fixed(answers).train()
    found = evaluate(network, places, y, OBJECTIVES[task])
    assert network.training
    return found


def test_a_class_is_right_or_wrong():
    found = result(Task.CLASSIFICATION, torch.eye(3)[[0, 2, 1]], torch.tensor([0, 2, 2]))
    assert found.scores == (1.0, 1.0, 0.0) and found.predicted == (0, 2, 1) and found.score == 2 / 3
    assert found.characters_right is None


def test_more_examples_than_fit_at_once_are_all_read_in_order():
    y = torch.arange(2 * CHUNK + 3) % 5
    found = result(Task.CLASSIFICATION, torch.eye(5)[y], y)
    assert found.predicted == tuple(y.tolist()) and found.score == 1


def test_a_network_that_sees_the_whole_batch_never_meets_a_sorted_set_class_by_class():
    y, seen = torch.arange(4).repeat_interleave(CHUNK), []

    class Whole(nn.Module):
        def forward(self, x):
            seen.append(x[:, 0].long().bincount(minlength=4))
            return torch.eye(4)[x[:, 0].long()]

    x = y[:, None].float()
    assert predict(Whole(), x).equal(y)
    assert evaluate(Whole(), x, y, OBJECTIVES[Task.CLASSIFICATION]).predicted == tuple(y.tolist())
    assert len(seen) == 8 and all(counts.min() > CHUNK / 8 for counts in seen)


def test_windows_are_scored_by_their_mean_bits():
    shares = torch.tensor([[[0.5, 0.25], [0.25, 0.25], [0.25, 0.5]]])  # (1 window, 3 characters, 2 positions)
    found = result(Task.NEXT_CHARACTER, shares.log(), torch.tensor([[0, 1]]))
    assert found.scores[0] == pytest.approx((1 + 2) / 2) and found.characters_right == 0.5
    assert found.predicted == ()


def test_uniform_answers_cost_the_logarithm_of_the_number_of_characters():
    y = torch.randint(0, 7, (3, 4))
    found = result(Task.NEXT_CHARACTER, torch.zeros(3, 7, 4), y)
    assert found.scores == pytest.approx([log2(7)] * 3)


def test_fields_are_scored_by_their_relative_error():
    y = torch.tensor([[[3.0, 4.0]], [[0.0, 2.0]]])
    answers = torch.tensor([[[3.0, 4.5]], [[0.0, 0.0]]])
    found = result(Task.FIELD, answers, y)
    assert found.scores == pytest.approx([0.1, 1.0])
    assert torch.allclose(relative_errors(3 * answers, 3 * y), torch.tensor([0.1, 1.0]))  # no unit
    assert float(OBJECTIVES[Task.FIELD].loss(Recipe())(answers, y)) == pytest.approx(0.55)


def test_the_loss_of_text_is_the_score_in_nats_without_smoothing():
    logits, y = torch.randn(2, 5, 6), torch.randint(0, 5, (2, 6))
    loss = OBJECTIVES[Task.NEXT_CHARACTER].loss(Recipe(label_smoothing=0.0))(logits, y)
    found = result(Task.NEXT_CHARACTER, logits, y)
    assert float(loss) / torch.tensor(2.0).log() == pytest.approx(found.score, rel=1e-5)


def test_the_recipe_names_smoothing_only_where_there_is_some():
    assert "label smoothing 0.1" in str(Recipe()) and "smoothing" not in str(Recipe(label_smoothing=0.0))


def test_modules_of_different_modes_keep_them():
    network = nn.Sequential(nn.Linear(1, 4), nn.Dropout())
    network[0].eval()
    predict(network, torch.zeros(3, 1))
    assert [module.training for module in network.modules()] == [True, False, True]
