"""Everything that the analyses say of one network on one input: numbers, a summary, and one page."""

from circulant.explain.overview.explanation import About, Explanation
from circulant.explain.overview.make import explain

__all__ = ["About", "Explanation", "explain"]
