"""Writes the page and its pictures."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from circulant.bench.page import sections
from circulant.bench.page.lengths import length_picture
from circulant.bench.page.models import model_parts
from circulant.bench.page.operators import lengths_file, operator_parts
from circulant.bench.page.picture import picture
from circulant.bench.page.results import Device, read_devices
from circulant.bench.page.timing import timing_pictures
from circulant.core.atomic_file import write_atomically

NOTE = "<!-- written by benchmarks/render.py; edit benchmarks/method.md, or measure again -->"
TIMINGS = "operators"  # the folder of pictures that pages of operators show
OPERATORS_METHOD, OPERATORS_PAGE = "operators.md", "operator-benchmarks.md"
MODELS_METHOD, MODELS_PAGE = "models.md", "model-benchmarks.md"
NOTHING_YET = """## Results

There are no figures yet. On a quiet machine:

```sh
pip install '.[bench]'
circulant bench                        # some hours; --resume goes on after an interruption
circulant bench --never-slower         # 300 sampled convolutions
circulant bench --isa avx2             # what is left with a lower instruction set
python benchmarks/render.py            # this page from the files
```
"""


def write_page(results: Path, method: Path, page: Path) -> tuple[Path, ...]:
    """The files written: three pages, pictures for each device and for each operator."""
    devices = [device for device in read_devices(results) if device.runs]
    pictures = {device.name: page.parent / "images" / f"benchmarks-{device.name}.svg" for device in devices}
    lengths = [device for device in devices if device.lengths]
    drawn = {page.parent / "images" / lengths_file(one.name): one.lengths[0] for one in lengths}
    for path, run in drawn.items():
        write_atomically(path, length_picture(run))
    for device in devices:
        write_atomically(pictures[device.name], picture(device.runs[0]))
    timings = [
        (page.parent / "images" / TIMINGS / f"{name}-time.svg", drawing)
        for device in devices[:1]
        for run in device.operators[:1]
        for name, drawing in timing_pictures(run).items()
    ]
    for path, drawing in timings:
        write_atomically(path, drawing)
    parts = [NOTE, method.read_text(encoding="utf-8").strip()]
    for device in devices:
        parts += _about(device, pictures[device.name], results / f"{device.name}.md")
    if not devices:
        parts.append(NOTHING_YET)
    write_atomically(page, _joined(parts))
    others = {
        (OPERATORS_METHOD, page.with_name(OPERATORS_PAGE)): operator_parts(devices),
        (MODELS_METHOD, page.with_name(MODELS_PAGE)): model_parts(devices),
    }
    for (words, other), figures in others.items():
        about = method.with_name(words).read_text(encoding="utf-8")
        write_atomically(other, _joined([NOTE, about, *figures]))
    pages = (page, *(other for _, other in others))
    return (*pages, *pictures.values(), *drawn, *(path for path, _ in timings))


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _about(device: Device, drawn: Path, reading: Path) -> Iterator[str]:
    """reading: what somebody found behind the figures, in a file beside them."""
    run = device.runs[0]
    yield f"## Results: {device.name}"
    yield sections.machine(run)
    yield f"![How many times faster circulant is, by group](images/{drawn.name})"
    yield sections.verdict(run)
    yield sections.goals(run)
    if reading.is_file():
        yield reading.read_text(encoding="utf-8")
    yield "### Where others are faster"
    yield sections.losses(run)
    yield "### Never slower"
    yield sections.never_slower(device)
    yield "### Accuracy"
    yield "Relative L2 error against float64, of a forward pass or the worst of result and gradients."
    yield sections.accuracy(run)
    if less := sections.kept(device):
        yield "### With a lower instruction set"
        yield less
    yield "### Every shape"
    yield "Times of the others are multiples of ours, paired by rounds, with 95 % bounds."
    for summary in run.summaries:
        yield f"**{summary.group.name}**"
        yield sections.shapes(summary, run.rows)
    yield "### Who was not timed, and why"
    yield sections.not_timed(run)
