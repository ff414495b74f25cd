"""Writes what follows from the code: circulant/nn.py, the README's list, docs/operators, docs/modules.md.

    python tools/generate.py [--check]

With --check nothing is written; the exit code is 1 if a file is stale.
"""

import re
import sys
from pathlib import Path
from textwrap import indent

from indexes import by_cost, by_law, by_room, by_year, search_page
from modules import module_page
from pages import NOTE, operator_page, readme_list

from circulant.catalogue import CATALOGUE
from circulant.core.card import Card
from circulant.papers import exports

ROOT = Path(__file__).parent.parent
NN = Path("src/circulant/nn.py")
README = Path("README.md")
PAGES = Path("docs/operators")
MODULES = Path("docs/modules.md")
PICTURES = Path("docs/images/operators")
BEGIN, END = "<!-- operators: begin -->", "<!-- operators: end -->"
LINE_LENGTH = 110
NN_TEMPLATE = '''"""Every operator of the catalogue, loaded when it is asked for.

Written by tools/generate.py; do not edit.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
{imports}

_MODULES = {{
{modules}}}

__all__ = [
{listed}]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'circulant.nn' has no attribute {{name!r}}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
'''


def natural(name: str) -> list[tuple[int, str | int]]:
    """Conv2d before Conv10d, classes before functions."""
    first = (0, 0 if name[0].isupper() else 1)
    return [
        first,
        *((1, int(part)) if part.isdigit() else (2, part) for part in re.split(r"(\d+)", name) if part),
    ]


def import_line(module: str, names: list[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    if len(line) + 4 <= LINE_LENGTH:  # they stand indented
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"


def nn_source(cards: tuple[Card, ...]) -> str:
    """The flat list of names, each loaded when it is asked for."""
    shown = {item.__name__: item.__module__ for card in cards for item in exports(card)}
    names = sorted(shown, key=natural)
    by_module = {
        module: [name for name in names if shown[name] == module] for module in sorted(shown.values())
    }
    imports = "\n".join(import_line(module, by_module[module]) for module in by_module)
    return NN_TEMPLATE.format(
        imports=indent(imports, "    "),
        modules="".join(f'    "{name}": "{shown[name]}",\n' for name in names),
        listed="".join(f'    "{name}",\n' for name in names),
    )


def readme_source(readme: str, cards: tuple[Card, ...]) -> str:
    """The README with the text between its markers replaced."""
    head, rest = readme.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n{readme_list(cards)}\n{END}{tail}"


def generated(root: Path, cards: tuple[Card, ...]) -> dict[Path, str]:
    """Every generated file and what it must hold."""
    files = {
        NN: nn_source(cards),
        README: readme_source((root / README).read_text(encoding="utf-8"), cards),
        MODULES: module_page(),
        PAGES / "index.md": by_room(cards),
        PAGES / "by-year.md": by_year(cards),
        PAGES / "by-law.md": by_law(cards),
        PAGES / "by-cost.md": by_cost(cards),
        PAGES / "search.html": search_page(cards),
    }
    pictures = {path.stem for path in (root / PICTURES).glob("*.svg")}
    return files | {PAGES / f"{card.name}.md": operator_page(card, pictures) for card in cards}


def leftovers(root: Path, files: dict[Path, str]) -> list[Path]:
    """Pages of operators that are no longer there; pages that people wrote are not touched."""
    pages = [page.relative_to(root) for page in sorted((root / PAGES).glob("*.md"))]
    return [page for page in pages if page not in files and (root / page).read_text().startswith(NOTE)]


def stale(root: Path, files: dict[Path, str]) -> list[Path]:
    def differs(path: Path) -> bool:
        return not (root / path).exists() or (root / path).read_text(encoding="utf-8") != files[path]

    return [path for path in files if differs(path)] + leftovers(root, files)


def write(root: Path, files: dict[Path, str]) -> None:
    for path in leftovers(root, files):
        (root / path).unlink()
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    files = generated(ROOT, CATALOGUE)
    changed = stale(ROOT, files)
    if "--check" not in arguments:
        write(ROOT, files)
    for path in changed:
        print(f"stale: {path}; run make generate" if "--check" in arguments else f"wrote {path}")
    return 1 if changed and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
