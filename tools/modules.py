"""A page of everything that is not an operator: networks, data, training, rewrites, explanations."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from pages import NOTE, table

import circulant
from circulant.papers import components

SOURCE = Path(circulant.__file__).parent
SECTIONS = {
    "models": "Networks and their parts",
    "train": "Training: losses, regularisers, recipes",
    "optimise": "Rewrites of any module",
    "explain": "What a network does",
    "data": "Data",
}


def module_page() -> str:
    """One line for each module of these packages: what it says of itself, and the papers it comes from."""
    papers: dict[str, list[str]] = defaultdict(list)
    for entry in components():
        papers[entry.component.rpartition(".")[0]].append(entry.title)
    parts = [NOTE, "# Networks, training, rewrites, explanations"]
    parts.append("Everything of the library that is not an operator, module by module.")
    for package, title in SECTIONS.items():
        lines = []
        for name, gist in modules(package):
            from_papers = dict.fromkeys(papers[f"circulant.{package}.{name}"])
            lines.append((f"`circulant.{package}.{name}`", gist, "; ".join(from_papers)))
        parts += [f"## {title}", table(("module", "what it is", "paper"), lines)]
    return "\n\n".join(parts) + "\n"


def modules(package: str) -> Iterator[tuple[str, str]]:
    """Name and first sentence of each module of a package, in the order of names."""
    for path in sorted((SOURCE / package).glob("*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        if path.stem != "__init__" and docstring:
            yield path.stem, docstring.split("\n\n")[0].rstrip(".:")
