"""What every command prints: aligned columns for people, JSON for programs."""

import json
from typing import Annotated, Any

import typer

from circulant.core.text_columns import columns as columns

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def print_json(value: Any) -> None:
    """value holds dicts, lists, texts and numbers only."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
