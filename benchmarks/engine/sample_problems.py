"""Draws the convolutions on which the planner must not be slower than torch: `python sample_problems.py`.

The file written is what benchmarks read: it is drawn once, and then fixed.
"""

import csv
from itertools import islice
from pathlib import Path

from circulant.engine.calibration.draw import drawn_rows

PROBLEMS = 300
SEED = 20261121
FILE = Path(__file__).parents[2] / "src/circulant/bench/sampled_problems.csv"


def main() -> None:
    rows = list(islice(drawn_rows(SEED), PROBLEMS))
    with FILE.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
