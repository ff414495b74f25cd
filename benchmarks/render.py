"""Writes docs/benchmarks.md and its pictures from benchmarks/results: `python benchmarks/render.py`."""

from pathlib import Path

from circulant.bench.page.write import write_page

ROOT = Path(__file__).parents[1]


def main() -> None:
    here = ROOT / "benchmarks"
    for path in write_page(here / "results", here / "method.md", ROOT / "docs/benchmarks.md"):
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
