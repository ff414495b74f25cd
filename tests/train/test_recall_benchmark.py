"""The table of ratios: what it reports, and that full attention helps recall more than text."""

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
