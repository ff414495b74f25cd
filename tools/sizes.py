"""Checks the size budgets and file names of the style guide; prints what is over, exits 1 if anything is.

    python tools/sizes.py [ROOT]

A Python function's docstring is not counted. In an operator file neither are the module docstring,
`reference` and `CARD`: they are the specification, not the code.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FUNCTION_LINES = 40
GPU_KERNEL_LINES = 80
OPERATOR_LINES = 120
FILE_LINES = 400
BANNED_WORDS = frozenset({"util", "utils", "helper", "helpers", "misc", "common", "base", "manager"})
FOLDERS = ("src", "csrc", "tests", "tools", "benchmarks")
WRITTEN_BY_TOOLS = frozenset({Path("src/circulant/nn.py")})
CPP_SUFFIXES = frozenset({".cpp", ".hpp", ".h", ".cc", ".inl"})


@dataclass(frozen=True, slots=True)
class Excess:
    """One thing over its budget."""

    path: Path
    line: int
    complaint: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.complaint}"


@dataclass(frozen=True, slots=True)
class CppFunction:
    header: str
    line: int
    lines: int


def span(node: ast.stmt) -> int:
    """Lines of a statement with its decorators."""
    decorators = getattr(node, "decorator_list", [])
    first: int = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    return (node.end_lineno or node.lineno) - first + 1


def docstring_lines(node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return span(node.body[0]) if ast.get_docstring(node, clean=False) is not None else 0


def is_gpu_kernel(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(ast.unparse(decorator).startswith("triton.jit") for decorator in node.decorator_list)


def python_functions(path: Path, tree: ast.Module) -> Iterator[Excess]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        allowed = GPU_KERNEL_LINES if is_gpu_kernel(node) else FUNCTION_LINES
        lines = (node.end_lineno or node.lineno) - node.lineno + 1 - docstring_lines(node)
        if lines > allowed:
            yield Excess(path, node.lineno, f"function {node.name} has {lines} lines, allowed {allowed}")


def is_specification(node: ast.stmt) -> bool:
    """The naive reference or the card."""
    if isinstance(node, ast.FunctionDef):
        return node.name == "reference"
    if isinstance(node, ast.AnnAssign):
        return isinstance(node.target, ast.Name) and node.target.id == "CARD"
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "CARD" for target in node.targets
    )


def is_operator_file(path: Path) -> bool:
    return "operators" in path.parts and path.parts[0] == "src" and path.name != "__init__.py"


def python_file(path: Path, text: str) -> Iterator[Excess]:
    tree = ast.parse(text)
    yield from python_functions(path, tree)
    lines, allowed, kind = text.count("\n"), FILE_LINES, "file"
    if is_operator_file(path):
        lines -= docstring_lines(tree) + sum(span(node) for node in tree.body if is_specification(node))
        allowed, kind = OPERATOR_LINES, "operator file"
    if lines > allowed and path not in WRITTEN_BY_TOOLS:
        yield Excess(path, 1, f"{kind} has {lines} lines, allowed {allowed}")


def without_cpp_text(text: str) -> str:
    """The source with comments, strings and preprocessor lines blanked; line numbers stay."""
    noise = re.compile(
        r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*",
        re.DOTALL | re.MULTILINE,
    )
    return noise.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


def is_cpp_function(header: str) -> bool:
    plain = re.sub(r"alignas\s*\([^)]*\)|extern\s+\w*", "", header)
    is_scope = re.search(r"\b(namespace|struct|class|union|enum)\b[^()]*$", plain)
    return "(" in plain and is_scope is None


def closing_brace(text: str, opening: int) -> int:
    depth = 0
    for found in re.finditer(r"[{}]", text[opening:]):
        depth += 1 if found.group() == "{" else -1
        if depth == 0:
            return opening + found.start()
    return len(text)


def cpp_functions(text: str) -> Iterator[CppFunction]:
    """Outermost function bodies: namespaces and classes are entered, functions and initialisers are not."""
    plain = without_cpp_text(text)
    position = start = 0
    while found := re.compile(r"[;{}]").search(plain, position):
        position = found.end()
        if found.group() == "{":
            header = plain[start : found.start()]
            first = start + len(header) - len(header.lstrip())
            if is_cpp_function(header) or re.search(r"=\s*$", header):
                position = closing_brace(plain, found.start()) + 1
            if is_cpp_function(header):
                lines = plain.count("\n", first, position) + 1
                yield CppFunction(" ".join(header.split()), plain.count("\n", 0, first) + 1, lines)
        start = position


def cpp_file(path: Path, text: str) -> Iterator[Excess]:
    for function in cpp_functions(text):
        if function.lines > FUNCTION_LINES:
            size = f"function has {function.lines} lines, allowed {FUNCTION_LINES}"
            yield Excess(path, function.line, f"{size}: {function.header[:60]}")
    if (lines := text.count("\n")) > FILE_LINES:
        yield Excess(path, 1, f"file has {lines} lines, allowed {FILE_LINES}")


def file_name(path: Path) -> Iterator[Excess]:
    for part in path.parts:
        if banned := BANNED_WORDS.intersection(re.split(r"[_.\-]", part.lower())):
            words = ", ".join(sorted(banned))
            yield Excess(path, 1, f"the name {part} holds the word {words}; say what the file is about")


def excesses(root: Path) -> list[Excess]:
    """Everything over budget below root, in the order of the files."""
    found: list[Excess] = []
    for file in sorted(file for folder in FOLDERS for file in (root / folder).rglob("*")):
        path = file.relative_to(root)
        if file.suffix == ".py":
            found += [*file_name(path), *python_file(path, file.read_text(encoding="utf-8"))]
        elif file.suffix in CPP_SUFFIXES:
            found += [*file_name(path), *cpp_file(path, file.read_text(encoding="utf-8"))]
    return found


def main(arguments: list[str]) -> int:
    root = Path(arguments[0]) if arguments else Path(__file__).parent.parent
    found = excesses(root)
    for excess in found:
        print(excess)
    print(f"{len(found)} over budget" if found else "all sizes are within budget")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
