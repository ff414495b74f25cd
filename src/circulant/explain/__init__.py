"""What filters, spectra and receptive fields do, for any module. Numbers first, pictures second.

explain(model, x).write(Path("explanation"))    # all that applies to the model, as one page
"""

from circulant.explain.overview import About, Explanation, explain

__all__ = ["About", "Explanation", "explain"]
