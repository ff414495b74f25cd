"""The report of a comparison as one HTML file."""

from circulant.compare.page.write import render_report, write_report

__all__ = ["render_report", "write_report"]
