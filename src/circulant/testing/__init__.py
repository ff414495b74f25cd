"""The operator contract, for our operators and for anybody's.

from circulant.testing import verify_operator
verify_operator(CARD)  # raises AssertionError with every complaint
"""

from circulant.testing.check import Check
from circulant.testing.contract import CHECKS
from circulant.testing.verify import Verdict, run, stale_exemptions, verify_operator

__all__ = ["CHECKS", "Check", "Verdict", "run", "stale_exemptions", "verify_operator"]
