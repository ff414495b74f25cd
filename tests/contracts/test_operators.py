"""Every operator of the catalogue, every case, every check."""

import pytest

from circulant.catalogue import CATALOGUE
from circulant.testing import CHECKS, stale_exemptions


def row(check, card, case):
    """One parameter, marked slow where the check is; graphs for any sizes are slow after the first case."""
    is_long = check.name == "compiles_with_dynamic_sizes" and case is not card.cases[0]
    marks = [pytest.mark.slow] if check.slow or is_long else []
    return pytest.param(check, card, case, id=f"{card.name}-{case}-{check.name}", marks=marks)


@pytest.mark.parametrize(
    ("check", "card", "case"),
    [
        row(check, card, case)
        for card in CATALOGUE
        for check in CHECKS
        if check.name not in card.exempt
        for case in check.cases(card)
    ],
)
def test_operator_keeps_the_contract(check, card, case):
    check.function(card, case)


def test_every_exemption_is_still_needed():
    assert [stale for card in CATALOGUE for stale in stale_exemptions(card)] == []


@pytest.mark.slow
def test_every_exemption_from_a_slow_check_is_still_needed():
    assert [stale for card in CATALOGUE for stale in stale_exemptions(card, slow=True)] == []
