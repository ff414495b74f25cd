"""What every command prints: aligned columns for people, JSON for programs."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def print_json(value: Any) -> None:
    """value holds dicts, lists, texts and numbers only."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def columns(lines: Sequence[Sequence[str]]) -> str:
    """Each cell padded to the widest of its column."""
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines
    )
