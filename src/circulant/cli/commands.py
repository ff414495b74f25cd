"""The group of all commands; it turns our errors into one line and an exit code."""

from enum import IntEnum
from typing import Any, final

import typer
from typer.core import TyperGroup

from circulant.core.errors import CirculantError, StoreError


class ExitCode(IntEnum):
    """What a command tells the shell. typer itself exits with 130 when it is interrupted."""

    DONE = 0
    FAILED = 1
    WRONG_USE = 2


@final
class Commands(TyperGroup):
    """A message of ours needs no traceback; any other exception is a bug and keeps its own."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CirculantError as error:
            typer.echo(f"circulant: {error}", err=True)
            failed = isinstance(error, StoreError)
            raise typer.Exit(ExitCode.FAILED if failed else ExitCode.WRONG_USE) from error
