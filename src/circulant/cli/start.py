"""Where the `circulant` script begins: it works, or says in one line what is missing."""

import sys


def start() -> None:
    try:
        from circulant.cli.main import app
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        print("circulant: expected typer, got no such package; pip install 'circulant[cli]'", file=sys.stderr)
        sys.exit(2)
    app()
