"""What a block asks of a problem that does not know every algorithm."""

from circulant.algorithms.algorithm import AlgorithmName
from circulant.engine.choice import Choice, current

SCANS = frozenset({AlgorithmName.SCAN, AlgorithmName.SEQUENTIAL})


def current_among(known: frozenset[AlgorithmName]) -> Choice:
    """`use` speaks to all calls of its block: an algorithm that a problem cannot have is not meant for it.

    What the call itself insists on is never dropped.
    """
    wish = current()
    if wish.algorithm is None or wish.algorithm in known:
        return wish
    return Choice(None, wish.backend, wish.workspace_limit, wish.tolerance)
