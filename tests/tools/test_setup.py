"""What `make` would do, and that the pinned versions fit what the package asks for."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINS = {
    canonicalize_name(name): version
    for name, version in re.findall(
        r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE
    )
}
EXTRAS = PROJECT["project"]["optional-dependencies"]
REQUIREMENTS = sorted(
    {
        text
        for texts in (
            PROJECT["project"]["dependencies"],
            PROJECT["build-system"]["requires"],
            *EXTRAS.values(),
        )
        for text in texts
        if not text.startswith("circulant")
    }
)


@pytest.fixture
def make(tmp_path):
    """What make would run in a fresh clone, without running it."""
    for name in ("Makefile", "pyproject.toml", "CMakeLists.txt", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "csrc").mkdir()

    def run(target: str) -> str:
        command = ["make", "--dry-run", target]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=30, cwd=tmp_path, check=True
        ).stdout

    return run


@pytest.mark.parametrize("text", REQUIREMENTS)
def test_every_requirement_is_pinned_to_a_version_that_it_allows(text):
    requirement = Requirement(text)
    assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)])


def test_pins_name_public_versions_only():
    assert PINS["torch"] == "2.13.0"
    assert all(re.fullmatch(r"[\d.]+((post|a|b|rc)\d+)?", version) for version in PINS.values())


def test_torch_is_installed_before_anything_else_and_every_install_obeys_the_pins(make):
    installs = [line for line in make("setup").splitlines() if " install " in line]
    assert installs[0].endswith("install --constraint constraints.txt torch")
    assert installs[-1].endswith("--no-build-isolation --editable '.[dev]'")
    assert all("--constraint constraints.txt" in line for line in installs)


@pytest.mark.parametrize(
    ("target", "runs"),
    [
        ("demo", "bin/circulant compare"),
        ("test", 'bin/python -m pytest -n 2 -m "not slow and not oracles"'),
        ("test-oracles", "bin/python -m pytest -n 2 -m oracles"),
        ("test-slow", "bin/python -m pytest -n 2 -m slow"),
        ("lint", "bin/python tools/generate.py --check"),
    ],
)
def test_a_target_sets_up_first_and_then_does_its_work(make, target, runs):
    text = make(target)
    assert 0 <= text.index("-m venv") < text.index("--editable") < text.index(runs)


def test_no_file_of_the_set_up_names_a_package_host():
    for name in ("Makefile", "constraints.txt", "pyproject.toml", ".ci/run"):
        assert not re.search(r"https?://|--(extra-)?index-url", (ROOT / name).read_text()), name


def test_the_ci_script_is_valid_and_stops_at_the_first_failure():
    assert subprocess.run(["bash", "-n", ROOT / ".ci/run"], timeout=10, check=False).returncode == 0
    assert "set -euo pipefail" in (ROOT / ".ci/run").read_text()
