"""The tool that checks the size budgets: it must accept what is within them and name what is over."""

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "sizes.py"


@pytest.fixture
def check(tmp_path):
    """Writes one file into an empty tree and runs the tool over it."""

    def run(path: str, text: str) -> subprocess.CompletedProcess[str]:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        command = [sys.executable, str(TOOL), str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    return run


def function(lines: int, head: str = "def f():") -> str:
    """Source of a function that takes so many lines with its head."""
    return f"{head}\n" + "    x = 1\n" * (lines - 1)


def cpp_function(lines: int, head: str = "void f(int a) {") -> str:
    return f"{head}\n" + "  a += 1;\n" * (lines - 2) + "}\n"


def test_the_library_itself_is_within_budget():
    result = subprocess.run(
        [sys.executable, str(TOOL)], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stdout


def test_a_function_of_40_lines_is_within_budget_and_one_of_41_is_not(check):
    assert check("src/a.py", function(40)).returncode == 0
    result = check("src/a.py", "import torch\n\n\n" + function(41))
    assert result.returncode == 1
    assert "src/a.py:4: function f has 41 lines, allowed 40" in result.stdout


def test_a_docstring_is_not_counted(check):
    docstring = '    """Gist.\n' + "    more\n" * 20 + '    """\n'
    assert check("src/a.py", "def f():\n" + docstring + "    x = 1\n" * 39).returncode == 0


def test_methods_and_nested_functions_are_counted_too(check):
    method = "class A:\n" + "".join(f"    {line}\n" for line in function(41).splitlines())
    assert "function f has 41 lines" in check("tests/a.py", method).stdout


def test_a_gpu_kernel_may_have_80_lines(check):
    assert check("src/a.py", function(80, "@triton.jit\ndef f():")).returncode == 0
    assert "allowed 80" in check("src/a.py", function(81, "@triton.jit\ndef f():")).stdout


def test_a_file_may_have_400_lines(check):
    assert check("tests/a.py", "x = 1\n" * 400).returncode == 0
    assert "file has 401 lines, allowed 400" in check("tests/a.py", "x = 1\n" * 401).stdout


def operator_file(lines: int) -> str:
    docstring = '"""Gist.\n' + "more\n" * 30 + '"""\n'
    reference = "def reference(x):\n" + "    x = x + 1\n" * 30
    card = "CARD = dict(\n" + "    a=1,\n" * 30 + ")\n"
    return docstring + reference + "y = 1\n" * lines + card


def test_an_operator_file_may_have_120_lines_besides_docstring_reference_and_card(check):
    assert check("src/circulant/operators/spatial/a.py", operator_file(120)).returncode == 0
    result = check("src/circulant/operators/spatial/a.py", operator_file(121))
    assert "operator file has 121 lines, allowed 120" in result.stdout


def test_the_budget_of_operators_does_not_bind_other_files(check):
    assert check("src/circulant/engine/a.py", operator_file(250)).returncode == 0


@pytest.mark.parametrize("name", ["src/utils.py", "src/fft_helpers.py", "src/common/a.py", "csrc/base.hpp"])
def test_names_that_say_nothing_are_refused(check, name):
    result = check(name, "")
    assert result.returncode == 1
    assert f"{name}:1: the name" in result.stdout


@pytest.mark.parametrize("name", ["src/baseline.py", "src/database.py", "csrc/basis.hpp"])
def test_names_that_merely_begin_alike_are_allowed(check, name):
    assert check(name, "").returncode == 0


def test_a_cpp_function_of_41_lines_is_over_budget(check):
    assert check("csrc/a.cpp", "namespace a {\n" + cpp_function(40) + "}\n").returncode == 0
    result = check("csrc/a.cpp", "#include <x>\n\nnamespace a {\n" + cpp_function(41) + "}\n")
    assert result.returncode == 1
    assert "csrc/a.cpp:4: function has 41 lines, allowed 40: void f(int a)" in result.stdout


def test_cpp_methods_templates_and_kernels_in_classes_are_counted(check):
    method = "template <class T, int N>\nstruct A {\n" + cpp_function(41, "  T f(T a) const {") + "};\n"
    assert "function has 41 lines" in check("csrc/a.hpp", method).stdout


def test_cpp_tables_and_enums_are_no_functions(check):
    table = "constexpr int table[] = {\n" + "  1,\n" * 60 + "};\nenum class E {\n" + "  A,\n" * 60 + "};\n"
    assert check("csrc/a.cpp", table).returncode == 0


def test_braces_in_cpp_comments_and_strings_do_not_count(check):
    source = "// {\n/* { */\nconst char* text = \"{ // \";\nconst char brace = '{';\n" + cpp_function(40)
    assert check("csrc/a.cpp", source).returncode == 0
