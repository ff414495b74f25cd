"""Draws the convolutions on which the planner must not be slower than torch: `python sample_problems.py`.

Sizes are drawn on logarithmic scales from the ranges that networks use, in one, two and three dimensions,
dense, pointwise, grouped and depthwise; a problem of more than LARGEST_FLOP is drawn again, so that a run
over all of them ends. The file written is what benchmarks read: it is drawn once, and then fixed.
"""

import csv
import random
from pathlib import Path

PROBLEMS = 300
LARGEST_FLOP = 3e9
FILE = Path(__file__).parents[2] / "src/circulant/bench/sampled_problems.csv"
COLUMNS = ("ndim", "kind", "batch", "in_channels", "out_channels", "groups", "size", "kernel", "stride",
           "dilation", "padding")  # fmt: skip
SIZES = {1: (16, 65536), 2: (7, 224), 3: (4, 48)}
KERNELS = {1: (1, 128), 2: (1, 63), 3: (1, 11)}
KINDS = ("dense", "pointwise", "grouped", "depthwise", "depthwise")  # depthwise twice: it is what we add to


def logarithmic(draw: random.Random, low: int, high: int) -> int:
    return round(low * (high / low) ** draw.random())


def candidate(draw: random.Random) -> dict[str, int | str]:
    ndim, kind = draw.choice((1, 2, 2, 3)), draw.choice(KINDS)
    size = logarithmic(draw, *SIZES[ndim])
    width = 2 ** draw.randint(3, 9)
    groups = {"depthwise": width, "grouped": 2 ** draw.randint(1, 3)}.get(kind, 1)
    out = width if kind == "depthwise" else 2 ** draw.randint(3, 9)
    kernel = 1 if kind == "pointwise" else logarithmic(draw, 2, min(KERNELS[ndim][1], 2 * size))
    dilation = draw.choice((1, 1, 1, 2)) if kernel > 1 else 1
    span = dilation * (kernel - 1) + 1
    return {
        "ndim": ndim, "kind": kind, "batch": 2 ** draw.randint(0, 5),
        "in_channels": width, "out_channels": out,
        "groups": groups, "size": size, "kernel": kernel, "stride": draw.choice((1, 1, 1, 2)),
        "dilation": dilation, "padding": span // 2,
    }  # fmt: skip


def is_affordable(row: dict[str, int | str]) -> bool:
    ndim, size, kernel, stride = (int(row[name]) for name in ("ndim", "size", "kernel", "stride"))
    outputs = int(row["batch"]) * int(row["out_channels"]) * max(size // stride, 1) ** ndim
    flop = 2.0 * outputs * kernel**ndim * int(row["in_channels"]) / int(row["groups"])
    memory = 4.0 * int(row["batch"]) * int(row["in_channels"]) * size**ndim
    return flop <= LARGEST_FLOP and memory <= 2**28 and int(row["out_channels"]) % int(row["groups"]) == 0


def main() -> None:
    draw = random.Random(20261121)
    rows: list[dict[str, int | str]] = []
    while len(rows) < PROBLEMS:
        row = candidate(draw)
        if is_affordable(row):
            rows.append(row)
    with FILE.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
