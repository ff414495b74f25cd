"""How much full attention recall needs: hybrids of several ratios on made-up recall and on text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.data.recall import UNASKED, multi_query_recall
from circulant.data.text import stdlib_text, windows
from circulant.models.hybrid import HybridSequenceModel, LinearMixer, mixer_builder
from circulant.train.fit import fit
from circulant.train.recipe import Recipe

RATIOS = (None, 3, 1)
TEST_EXAMPLES = 256
TEST_WINDOWS = 64
RECIPE = Recipe(batch=32, learning_rate=1e-2, label_smoothing=0.0)


@final
@dataclass(frozen=True, slots=True)
class RecallTask:
    """Sizes of the recall data; the answers are among `values`."""

    pairs: int = 8
    length: int = 32
    keys: int = 16
    values: int = 16
    examples: int = 4096


@final
@dataclass(frozen=True, slots=True)
class HybridSize:
    """Of every network that is compared, and how long it is trained for each of the two tasks."""

    channels: int = 32
    heads: int = 4
    depth: int = 4
    recall_steps: int = 200
    text_steps: int = 200
    text_length: int = 64
    recipe: Recipe = RECIPE


@final
@dataclass(frozen=True, slots=True)
class RecallRow:
    """One ratio of the table."""

    mixer: LinearMixer
    linear_per_full: int | None
    full_share: float  # of the layers
    recall_accuracy: float  # share of the questions answered right
    text_loss: float  # nats per character of unseen text
    state_byte: int  # for one sequence of the recall task's length, in float32


def recall_benchmark(
    mixer: LinearMixer,
    ratios: Sequence[int | None] = RATIOS,
    *,
    task: RecallTask | None = None,
    size: HybridSize | None = None,
    seed: int = 0,
) -> tuple[RecallRow, ...]:
    """A network for each ratio, trained once on recall and once on text, from the same first values."""
    task, size = task or RecallTask(), size or HybridSize()
    return tuple(_row(mixer, ratio, task, size, seed) for ratio in ratios)


def _row(mixer: LinearMixer, ratio: int | None, task: RecallTask, size: HybridSize, seed: int) -> RecallRow:
    model = _model(mixer, ratio, 1 + task.keys + task.values, size, seed)
    accuracy = _recall_accuracy(model, task, size, seed)
    tokens = len(stdlib_text().characters)
    loss = _text_loss(_model(mixer, ratio, tokens, size, seed), size, seed)
    share = sum(model.full) / len(model.full)
    return RecallRow(mixer, ratio, share, accuracy, loss, model.state_byte(task.length))


def _model(
    mixer: LinearMixer, ratio: int | None, tokens: int, size: HybridSize, seed: int
) -> HybridSequenceModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        build = mixer_builder(mixer, size.channels, size.heads, size.depth)
        return HybridSequenceModel(tokens, size.channels, size.depth, build, ratio, heads=size.heads)


def _recall_accuracy(model: HybridSequenceModel, task: RecallTask, size: HybridSize, seed: int) -> float:
    def drawn(examples: int, seed: int) -> tuple[Tensor, Tensor]:
        data = multi_query_recall(
            examples, pairs=task.pairs, length=task.length, keys=task.keys, values=task.values, seed=seed
        )
        return torch.from_numpy(data.codes), torch.from_numpy(data.answers)

    fit(
        model, *drawn(task.examples, 2 * seed),
        steps=size.recall_steps, loss=_asked_loss, recipe=size.recipe, seed=seed,
    )  # fmt: skip
    codes, answers = drawn(TEST_EXAMPLES, 2 * seed + 1)
    with torch.no_grad():
        found = model(codes).argmax(1)
    asked = answers != UNASKED
    return (found[asked] == answers[asked]).float().mean().item()


def _asked_loss(logits: Tensor, answers: Tensor) -> Tensor:
    return F.cross_entropy(logits, answers, ignore_index=UNASKED)


def _text_loss(model: HybridSequenceModel, size: HybridSize, seed: int) -> float:
    text = stdlib_text()
    x, y = (torch.from_numpy(part) for part in windows(text.train, size.text_length))
    fit(model, x, y, steps=size.text_steps, loss=F.cross_entropy, recipe=size.recipe, seed=seed)
    x, y = (torch.from_numpy(part[:TEST_WINDOWS]) for part in windows(text.test, size.text_length))
    with torch.no_grad():
        return F.cross_entropy(model(x), y).item()
