"""How much full attention recall needs: the table of docs/reports/recall.md.

    python benchmarks/recall.py > docs/reports/recall.md

Half an hour on one core. Every network is trained from scratch twice, once on recall and once on text.
"""

from statistics import fmean

import torch

from circulant.models.hybrid import LinearMixer
from circulant.train.recall_benchmark import HybridSize, RecallRow, recall_benchmark

RATIOS = (None, 3, 1)  # linear layers for each layer of full attention
SEEDS = (0, 1)
SIZE = HybridSize(heads=2, recall_steps=800, text_steps=200)
HEAD = """# Recall by hybrids of linear and full attention

Four layers of 32 channels; none, one or two of them are full attention. *Recall* is the share of
questions answered right, where eight keys with their values are shown and each key is asked for later
(chance is 1 in 16; naming the value that was shown most often gives 26 %); *text* is the loss on unseen
text, in nats per character, after training from scratch on next characters. *Memory* is what one
sequence of 32 tokens keeps between steps. Means over two seeds, with both; all
networks have the same budget, {recall} and {text} steps of 32 sequences.
Made by `python benchmarks/recall.py`.

| mixer | full attention | recall | text | memory |
|---|---|---|---|---|"""


def _line(rows: list[RecallRow]) -> str:
    recall = [row.recall_accuracy for row in rows]
    text = [row.text_loss for row in rows]
    return (
        f"| {rows[0].mixer.value} | {rows[0].full_share:.0%} "
        f"| {fmean(recall):.0%} ({min(recall):.0%} to {max(recall):.0%}) "
        f"| {fmean(text):.2f} ({min(text):.2f} to {max(text):.2f}) | {rows[0].state_byte / 1024:.0f} KiB |"
    )


def main() -> None:
    torch.set_num_threads(1)
    print(HEAD.format(recall=SIZE.recall_steps, text=SIZE.text_steps))
    for mixer in LinearMixer:
        for ratio in RATIOS:
            rows = [recall_benchmark(mixer, (ratio,), size=SIZE, seed=seed)[0] for seed in SEEDS]
            print(_line(rows), flush=True)


if __name__ == "__main__":
    main()
