"""docs/benchmarks.md from files of results."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.bench.specimens import row
from tests.bench.test_never_slower import ROW

from circulant.bench.contestant import Role
from circulant.bench.page.write import write_page
from circulant.bench.row import Status
from circulant.bench.run import row_file, sampled_file
from circulant.bench.settings import Malloc
from circulant.bench.throughput.entries import entries
from circulant.problems.problem import shape_text

METHOD = Path(__file__).parents[2] / "benchmarks/method.md"
NAME = "causal long convolution, forward, N = 256"  # goals 6 and 7
SHAPE = "16x768x256"
SGCONV_SHAPE = shape_text(entries()["SGConv"].shapes[0])


def rows(isa="avx512", ours=1e-3):
    def one(contestant, role, seconds, **changes):
        return row(contestant, role, seconds, group=NAME, shape=SHAPE, isa=isa, **changes)

    return [
        one("circulant", Role.OURS, ours, ratio=1.0, error=1e-7, note="fft on native"),
        one("torch.fft code", Role.TORCH, 8e-3, ratio=8.0, ratio_low=7.5, ratio_high=8.5, error=2e-7),
        one("circulant", Role.OURS, ours, malloc=Malloc.TUNED),
        one("torch.fft code", Role.TORCH, 5e-3, malloc=Malloc.TUNED),
        one("fast | peer", Role.PEER, 0.5e-3, malloc=Malloc.TUNED, ratio=0.5),
        one("scipy", Role.PEER, float("nan"), status=Status.LEFT_OUT, note="scipy is not installed"),
    ]


@pytest.fixture
def page(tmp_path):
    def write(main=(), sampled=()):
        if main:
            row_file(tmp_path / "results" / "a-cpu.csv").replace(list(main))
        if sampled:
            sampled_file(tmp_path / "results" / "a-cpu-never-slower.csv").replace(list(sampled))
        write_page(tmp_path / "results", METHOD, tmp_path / "docs" / "benchmarks.md")
        return (tmp_path / "docs" / "benchmarks.md").read_text()

    return write


def test_without_figures_the_page_says_how_to_make_them(page):
    text = page()
    assert "There are no figures yet" in text and "python benchmarks/render.py" in text
    assert "taking turns" in text  # the method stands in any case


def test_what_was_found_behind_the_figures_stands_among_them(page, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results/a-cpu.md").write_text("### What limits\n\nBytes.\n")
    text = page(rows())
    found = text.index("### What limits\n\nBytes.\n\n### Where others are faster")
    assert text.index("goals are met") < found


def test_wins_and_losses_are_said_plainly(page):
    text = page(rows())
    assert "1 of 2 goals are met. Missed:" in text
    assert f"- {NAME}: 0.5 times as fast as the best peer (tuned malloc), goal 7: missed by 93 %" in text
    assert f"| {NAME} | plain torch, default malloc | 8.00× | 6× | met |" in text
    assert f"- {NAME}, {SHAPE} (tuned malloc): fast | peer takes 0.500× of our time" in text


def test_every_shape_has_its_times_and_bounds_and_every_absence_its_reason(page):
    text = page(rows())
    assert "8.00× (7.50× to 8.50×)" in text
    assert "fast \\| peer" in text  # a bar would end the cell of the table
    assert "scipy: left out, scipy is not installed" in text
    assert f"| {SHAPE} | default | 1.00\u202fms | fft on native |" in text


def test_errors_are_compared_with_those_of_torch(page):
    assert "larger than that of torch.fft code on 0 of 1 shapes" in page(rows())
    worse = [row(r.contestant, r.role, r.seconds, group=NAME, shape=SHAPE, malloc=r.malloc,
                 error=3e-7 if r.role is Role.OURS else 2e-7) for r in rows()[:2]]  # fmt: skip
    assert "larger than that of torch.fft code on 1 of 1 shapes" in page(worse)


def test_the_table_of_errors_says_each_of_both_or_that_there_are_none(page):
    assert f"| {NAME} | {SHAPE} | 1e-07 | 2e-07 | no |" in page(rows())
    without = [r for r in rows() if r.contestant != "torch.fft code"]
    assert "On no shape were both circulant and torch.fft code measured." in page(without)


def test_a_lower_instruction_set_is_set_beside_the_full_one(page):
    text = page([*rows(), *rows("avx2", 2e-3)[:2]])
    assert f"| {NAME} | avx2 | plain torch, default malloc | 4.00× | 8.00× | 50 % |" in text


def test_the_sampled_run_is_told(page):
    assert "Not measured yet." in page(rows())
    text = page(rows(), [ROW])
    assert "0 of 1 samples are slower than torch" in text and "299 of 300 are not measured yet" in text


def test_the_picture_is_well_formed_and_says_its_content_in_words(page, tmp_path):
    page(rows())
    picture = ElementTree.parse(tmp_path / "docs" / "images" / "benchmarks-a-cpu.svg").getroot()
    assert picture.tag.endswith("svg") and "8 times as fast as plain torch" in picture.get("aria-label")
    bars = [e for e in picture.iter() if e.tag.endswith("rect") and e.get("fill") == "#0a5c9e"]
    assert len(bars) == 2  # the key and one group


def test_the_page_in_the_repository_is_what_its_files_make(tmp_path):
    root, made = METHOD.parents[1], tmp_path / "benchmarks.md"
    write_page(root / "benchmarks/results", METHOD, made)
    assert made.read_text() == (root / "docs/benchmarks.md").read_text()
    for name in ("operator-benchmarks.md", "model-benchmarks.md"):
        assert (tmp_path / name).read_text() == (root / "docs" / name).read_text()
    pictures = sorted((tmp_path / "images").rglob("*.svg"))
    assert len(pictures) > 50
    for picture in pictures:
        assert picture.read_text() == (root / "docs" / picture.relative_to(tmp_path)).read_text()


def operator_rows(ours_byte):
    def one(contestant, role, seconds, malloc, **changes):
        return row(contestant, role, seconds, group="SGConv, forward", shape=SGCONV_SHAPE,
                   operation="SGConv", malloc=malloc, **changes)  # fmt: skip

    return [
        one("circulant", Role.OURS, 1e-3, Malloc.DEFAULT, peak_byte=ours_byte),
        one("torch.fft code", Role.TORCH, 4e-3, Malloc.DEFAULT, peak_byte=2e6),
        one("circulant", Role.OURS, 1e-3, Malloc.TUNED, peak_byte=ours_byte),
        one("torch.compile of torch.fft code", Role.PEER, 0.5e-3, Malloc.TUNED, ratio=0.5),
    ]


@pytest.mark.parametrize("ours_byte, heavier", [(1e6, "Nowhere among these shapes."), (3e6, "takes 1.50×")])
def test_operators_have_a_page_of_their_own(page, tmp_path, ours_byte, heavier):
    row_file(tmp_path / "results" / "a-cpu-operators.csv").replace(operator_rows(ours_byte))
    main = page(rows())
    text = (tmp_path / "docs" / "operator-benchmarks.md").read_text()
    assert "SGConv" not in main
    assert "- forward, operators that the engine computes (1): 4.00× as fast as plain torch" in text
    memory = "0.500" if ours_byte < 2e6 else "1.50"
    assert f"| SGConv, forward | 4.00× | 0.500× | {memory}× |" in text
    assert heavier in text
    assert f"{SGCONV_SHAPE} (tuned malloc): torch.compile of torch.fft code takes 0.500× of our time" in text


def model_rows(best_seconds):
    def one(contestant, role, seconds, malloc=Malloc.DEFAULT, batch=1, **changes):
        return row(contestant, role, seconds, group="ResNet-50", shape=f"{batch}x3x224x224",
                   operation="ResNet-50", malloc=malloc, **changes)  # fmt: skip

    return [
        one("optimise", Role.OURS, 0.1, note="fold-batch-norms; found in 9 s"),
        one("optimise, then torch.compile", Role.VARIANT, 0.01),
        one("eager", Role.TORCH, 0.4),
        one("ONNX Runtime", Role.PEER, best_seconds, ratio=best_seconds / 0.1),
        one("OpenVINO", Role.PEER, float("nan"), status=Status.FAILED, note="no such layer"),
        one("optimise", Role.OURS, 1.0, batch=32),
        one("eager", Role.TORCH, 1.0, batch=32),
        one("optimise", Role.OURS, float("nan"), Malloc.TUNED, status=Status.WRONG),
        one("eager", Role.TORCH, 0.3, Malloc.TUNED),
    ]


def test_networks_have_a_page_with_wins_and_losses(page, tmp_path):
    row_file(tmp_path / "results" / "a-cpu-models.csv").replace(model_rows(0.09))
    assert "ResNet-50" not in page(rows())
    text = (tmp_path / "docs" / "model-benchmarks.md").read_text()
    assert "default malloc, 2 cases: 2.00× as fast as eager torch in geometric mean, goal 2×: met" in text
    assert "0.949× as fast as the best of the others in geometric mean, goal 1.3×: missed" in text
    assert "at least 0.900× as fast as the best of the others, goal 0.95×: missed" in text
    assert (
        "| ResNet-50 | 1 | default | 400\u202fms | 100\u202fms | 4.00× | ONNX Runtime | 0.900× | "
        "fold-batch-norms; found in 9 s |"
    ) in text
    assert "- ResNet-50, batch 1, default malloc: ONNX Runtime takes 0.900× of our time" in text
    assert "OpenVINO: failed, no such layer" in text
    assert "tuned malloc, " not in text.partition("### Every contestant")[0]


def test_a_network_that_wins_everywhere_meets_the_goals(page, tmp_path):
    row_file(tmp_path / "results" / "a-cpu-models.csv").replace(model_rows(0.17)[:5])
    page(rows())
    text = (tmp_path / "docs" / "model-benchmarks.md").read_text()
    assert "missed" not in text
    assert "### Where others are faster\n\nNowhere." in text


def test_each_operator_has_a_picture_of_its_times(page, tmp_path):
    row_file(tmp_path / "results" / "a-cpu-operators.csv").replace(operator_rows(1e6))
    page(rows())
    drawn = tmp_path / "docs" / "images" / "operators" / "SGConv-time.svg"
    picture = ElementTree.parse(drawn).getroot()
    dots = [float(e.get("cx")) for e in picture.iter() if e.tag.endswith("circle")][2:]  # without the key
    plain, compiled, *ours = dots
    assert len(ours) == 2
    assert compiled < ours[0] == ours[1] < plain
    assert "torch.fft code 4.00" in picture.get("aria-label")


@pytest.mark.parametrize("name", ["operator-benchmarks.md", "model-benchmarks.md"])
def test_without_figures_the_other_pages_say_so(page, tmp_path, name):
    page(rows())
    assert "There are no figures yet." in (tmp_path / "docs" / name).read_text()
