"""Which parts of a sum are worth keeping, by LASSO, and the least squares over those.

    minimise 1 / (2 N) |y - c - sum_i beta_i z_i|^2 + alpha |beta|_1

The penalty alpha grows until few enough beta_i are left. LASSO ranks contributions, not what they span: of
two equal parts it may keep both and drop a third that nothing replaces.
"""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from circulant.core.errors import ArgumentError, ShapeError
from circulant.data.installed import require

SLACK = 1.1  # as many parts more than wanted are accepted
BISECTIONS = 60
WEAKEST = 1e-6  # of the penalty from which on nothing is left


@final
@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """kept (C,), and the penalty that left these."""

    kept: NDArray[np.bool_]
    alpha: float


def lasso_selection(parts: NDArray[np.float64], y: NDArray[np.float64], wanted: int) -> Selection:
    """Keep `wanted` to 1.1 times as many of the parts (N, C) of y (N,).

    Fewer where the weakest penalty already leaves fewer: the others add nothing. Where the count jumps over
    that range, the largest coefficients of the smallest selection that is large enough.
    """
    if parts.ndim != 2 or y.shape != parts.shape[:1]:
        raise ShapeError(f"expected parts (N, C) and y (N,), got {parts.shape} and {y.shape}")
    if not 1 <= wanted <= parts.shape[1]:
        raise ArgumentError(f"expected to keep 1 to {parts.shape[1]} parts, got {wanted}")
    strongest = float(np.abs((parts - parts.mean(0)).T @ (y - y.mean())).max() / len(y))
    if strongest == 0:
        return Selection(np.arange(parts.shape[1]) < wanted, 0.0)
    alpha = WEAKEST * strongest
    fits = _Fits(parts, y)
    enough = fits.coefficients(alpha)
    if np.count_nonzero(enough) <= wanted:
        return Selection(enough != 0, alpha)
    return _bisected(fits, enough, alpha, wanted)


def _bisected(fits: "_Fits", enough: NDArray[np.float64], low: float, wanted: int) -> Selection:
    """enough: coefficients at the penalty low, more than wanted."""
    high = 2 * low
    while np.count_nonzero(found := fits.coefficients(high)) >= wanted:
        enough, low, high = found, high, 2 * high
    for _ in range(BISECTIONS):
        if np.count_nonzero(enough) <= SLACK * wanted:
            return Selection(enough != 0, low)
        middle = (low + high) / 2
        found = fits.coefficients(middle)
        if np.count_nonzero(found) >= wanted:
            enough, low = found, middle
        else:
            high = middle
    kept = np.zeros(len(enough), dtype=bool)
    kept[np.argsort(-np.abs(enough), kind="stable")[:wanted]] = True
    return Selection(kept, low)


def least_squares(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Weight (O, I) and bias (O) of the nearest linear map from x (N, I) to y (N, O)."""
    with_one = np.column_stack([x, np.ones(len(x))])
    solution = np.linalg.lstsq(with_one, y, rcond=None)[0].T
    return solution[:, :-1], solution[:, -1]


@final
class _Fits:
    """LASSO of the same data with one penalty after the other, each from where the last one ended."""

    def __init__(self, parts: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        require("sklearn", "data")
        from sklearn.linear_model import Lasso

        self.parts, self.y = np.asfortranarray(parts), y
        self.lasso: Any = Lasso(warm_start=True, tol=1e-8, max_iter=10_000)

    def coefficients(self, alpha: float) -> NDArray[np.float64]:
        self.lasso.set_params(alpha=alpha).fit(self.parts, self.y)
        return np.array(self.lasso.coef_)
