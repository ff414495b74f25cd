"""Tables as CSV that a spreadsheet can open without running anything hidden in a label."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from circulant.report.png import data_uri

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")


def _safe(cell: str | float) -> str | float:
    """A label that a spreadsheet would take for a formula gets an apostrophe in front."""
    if isinstance(cell, str) and cell.lstrip(" ").startswith(DANGEROUS):
        return "'" + cell
    return cell


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str | float]]) -> str:
    written = StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return written.getvalue()


def csv_uri(text: str) -> str:
    """The table as an address that the page holds in itself; the mark tells spreadsheets it is UTF-8."""
    return data_uri("text/csv;charset=utf-8", text.encode("utf-8-sig"))
