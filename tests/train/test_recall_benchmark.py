"""The table of ratios: what it reports, and that full attention helps recall more than text."""

import pytest

from circulant.models.hybrid import LinearMixer
from circulant.train.recall_benchmark import HybridSize, RecallTask, recall_benchmark

TINY = HybridSize(channels=8, heads=2, depth=4, recall_steps=2, text_steps=2, text_length=8)


def test_each_ratio_gets_a_row_with_its_share_and_its_bytes():
    rows = recall_benchmark(LinearMixer.HGRN2, (None, 3, 1, 0), task=RecallTask(2, 8, examples=64), size=TINY)
    assert [row.full_share for row in rows] == [0.0, 0.25, 0.5, 1.0]
    cached, memory = 4 * 2 * 8 * 8, 4 * 4 * 8
    assert [row.state_byte for row in rows] == [full * cached + (4 - full) * memory for full in (0, 1, 2, 4)]
    assert all(0 <= row.recall_accuracy <= 1 and row.text_loss > 0 for row in rows)


def test_the_same_seed_gives_the_same_table():
    task = RecallTask(2, 8, examples=64)
    first, second = (recall_benchmark(LinearMixer.HGRN2, (3,), task=task, size=TINY) for _ in range(2))
    assert first == second


@pytest.mark.slow
def test_after_an_equal_small_budget_full_attention_in_every_other_layer_recalls_more_and_reads_text_alike():
    size = HybridSize(heads=2, recall_steps=150, text_steps=30, text_length=32)
    linear, mixed = recall_benchmark(LinearMixer.DELTA_RULE, (None, 1), size=size)
    assert mixed.full_share > linear.full_share
    assert mixed.recall_accuracy > linear.recall_accuracy + 0.3
    recall_changes = mixed.recall_accuracy / linear.recall_accuracy - 1
    text_changes = abs(mixed.text_loss / linear.text_loss - 1)
    assert text_changes < 0.1 < recall_changes
