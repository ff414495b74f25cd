"""The doors to the contract for operators from anywhere."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from circulant.core.card import Card
from circulant.core.errors import UnknownNameError
from circulant.testing.check import Check
from circulant.testing.contract import CHECKS

FAILURES = (AssertionError, RuntimeError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check says of one case: a complaint, the reason of an exemption, or neither."""

    check: str
    case: str
    complaint: str | None = None
    exemption: str | None = None

    def __str__(self) -> str:
        word = f"FAILS: {self.complaint}" if self.complaint else f"exempt: {self.exemption}"
        return f"{self.check} [{self.case}] {word if self.complaint or self.exemption else 'holds'}"


def run(card: Card, *, slow: bool = False) -> tuple[Verdict, ...]:
    """Every check on every case; an exempt check is reported with its reason and not run.

    With slow=True also those that compile code, which take minutes.
    """
    names = [check.name for check in CHECKS]
    for name in card.exempt:
        if name not in names:
            raise UnknownNameError("check", name, names)
    return tuple(verdict for check in CHECKS if slow or not check.slow for verdict in _judge(card, check))


def _judge(card: Card, check: Check) -> Iterator[Verdict]:
    for case in check.cases(card):
        if check.name in card.exempt:
            yield Verdict(check.name, str(case), exemption=card.exempt[check.name])
            continue
        try:
            check.function(card, case)
        except FAILURES as error:
            said = str(error) if isinstance(error, AssertionError) else ""
            yield Verdict(check.name, str(case), complaint=said or repr(error))
        else:
            yield Verdict(check.name, str(case))


def stale_exemptions(card: Card, *, slow: bool = False) -> tuple[str, ...]:
    """Exempt checks that hold in every case, or never run, so that the card should no longer list them.

    Of the checks that compile code with slow=True, of the others without.
    """
    exempt = [check for check in CHECKS if check.name in card.exempt and check.slow == slow]
    plain = replace(card, exempt={})
    return tuple(
        check.name for check in exempt if not any(verdict.complaint for verdict in _judge(plain, check))
    )


def verify_operator(card: Card, *, slow: bool = False) -> None:
    """Raise AssertionError with every complaint, unless the operator of the card keeps the contract.

    >>> from circulant.operators.sequence.long_conv1d import CARD
    >>> verify_operator(CARD)
    """
    complaints = [str(verdict) for verdict in run(card, slow=slow) if verdict.complaint]
    if complaints:
        raise AssertionError(f"{card.name} breaks the contract:\n" + "\n".join(complaints))
