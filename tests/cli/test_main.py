"""The application as a whole: names, help, errors and exit codes."""

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from circulant import __version__
from circulant.cli.commands import Commands
from circulant.cli.main import app
from circulant.core.errors import ArgumentError, StoreError

COMMANDS = (
    "bench", "calibrate", "cite", "compare", "doctor", "explain", "list", "optimise", "papers", "plan",
)  # fmt: skip


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def app_that_raises(error: BaseException) -> typer.Typer:
    failing = typer.Typer(cls=Commands, pretty_exceptions_enable=False)

    @failing.command("fail")
    def fail() -> None:
        raise error

    @failing.command("other")  # with one command only, typer would make no group
    def other() -> None: ...

    return failing


def test_version_is_the_packages_own():
    result = run("--version")
    assert (result.exit_code, result.stdout.strip()) == (0, f"circulant {__version__}")


def test_help_names_every_command_and_the_exit_codes():
    text = run("--help").stdout
    assert all(f"  {command} " in text for command in COMMANDS)
    assert "0 done, 1 failed, 2 wrong use, 130 interrupted" in text


def test_the_application_has_no_command_that_these_tests_do_not_know():
    assert sorted(command.name for command in app.registered_commands) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_shows_an_example_and_json(command):
    text = " ".join(run(command, "--help").stdout.split())
    assert f"circulant {command}" in text
    assert "--json" in text


def test_an_unknown_command_is_wrong_use_and_suggests_the_nearest():
    result = run("lst")
    assert result.exit_code == 2
    assert "Did you mean 'list'?" in result.stderr


def test_an_error_of_ours_is_one_line_and_wrong_use():
    result = CliRunner().invoke(app_that_raises(ArgumentError("expected a, got b; do c")), ["fail"])
    assert (result.exit_code, result.stderr) == (2, "circulant: expected a, got b; do c\n")


def test_a_damaged_store_is_a_failure_not_wrong_use():
    result = CliRunner().invoke(app_that_raises(StoreError("the file is damaged")), ["fail"])
    assert (result.exit_code, result.stderr) == (1, "circulant: the file is damaged\n")


def test_an_interrupted_command_exits_with_130():
    assert CliRunner().invoke(app_that_raises(KeyboardInterrupt()), ["fail"]).exit_code == 130


def test_a_bug_is_not_disguised_as_wrong_use():
    result = CliRunner().invoke(app_that_raises(ZeroDivisionError("a bug")), ["fail"])
    assert isinstance(result.exception, ZeroDivisionError)


def test_the_script_prints_no_traceback_for_an_unknown_name():
    command = [sys.executable, "-m", "circulant.cli", "cite", "LongConv"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("circulant: no operator named 'LongConv'; did you mean ")
    assert "LongConv1d" in result.stderr
    assert result.stderr.count("\n") == 1


def test_without_typer_the_script_says_what_to_install():
    code = "import sys; sys.modules['typer'] = None; from circulant.cli.start import start; start()"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 2
    assert "pip install 'circulant[cli]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_commands_other_than_compare_need_nothing_of_its_extra():
    code = (
        "import sys\n"
        "for name in ('jinja2', 'matplotlib', 'scipy', 'PIL', 'ray'): sys.modules[name] = None\n"
        "sys.argv = ['circulant', 'list', '--room', 'gates']\n"
        "from circulant.cli.start import start; start()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "SqueezeExcitation2d" in result.stdout
