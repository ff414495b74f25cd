"""Tables as plain text."""

from collections.abc import Sequence


def columns(lines: Sequence[Sequence[str]]) -> str:
    """Each cell padded to the widest of its column."""
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines
    )
