"""The doors of the contract, as somebody with an operator of their own uses them."""

from dataclasses import replace

import pytest
import torch

from circulant.core.card import Law
from circulant.core.errors import UnknownNameError
from circulant.operators.gates.squeeze_excitation import CARD as GATES
from circulant.testing import CHECKS, run, stale_exemptions, verify_operator

CARD = replace(GATES, cases=GATES.cases[:1])


def wrong(x, state, **options):
    return torch.zeros_like(x)


def mute(x, state, **options):
    raise AssertionError


def missing(x, state, **options):
    return state["no such parameter"]


def test_a_correct_operator_is_accepted():
    verify_operator(CARD)


def test_all_complaints_come_at_once_with_check_and_case():
    with pytest.raises(AssertionError) as caught:
        verify_operator(replace(CARD, reference=wrong, papers=()))
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{CARD.name} breaks the contract:"
    names = [line.split()[0] for line in lines[1:]]
    assert names == ["equals_reference", "gradients_equal_reference", "papers"]
    assert all(f"[{CARD.cases[0]}] FAILS: " in line for line in lines[1:])


def test_an_operator_that_raises_gets_a_complaint_and_the_other_checks_run():
    verdicts = {verdict.check: verdict for verdict in run(replace(CARD, reference=missing))}
    assert "KeyError('no such parameter')" in verdicts["equals_reference"].complaint
    assert verdicts["first_derivative"].complaint is None


def test_an_assertion_without_a_message_is_a_complaint_too():
    (verdict,) = [v for v in run(replace(CARD, reference=mute)) if v.check == "equals_reference"]
    assert verdict.complaint == "AssertionError()"


def test_an_exempt_check_is_reported_with_its_reason_and_not_run():
    card = replace(CARD, reference=wrong, exempt={"equals_reference": "shown to be wrong"})
    (verdict,) = [verdict for verdict in run(card) if verdict.check == "equals_reference"]
    assert (verdict.complaint, verdict.exemption) == (None, "shown to be wrong")
    assert str(verdict) == f"equals_reference [{CARD.cases[0]}] exempt: shown to be wrong"


def test_an_exemption_from_no_check_is_refused_with_the_near_names():
    with pytest.raises(UnknownNameError, match="did you mean equals_reference"):
        run(replace(CARD, exempt={"equal_reference": "because"}))


def test_an_exemption_that_is_no_longer_needed_is_found():
    card = replace(CARD, reference=wrong, exempt={"equals_reference": "wrong", "papers": "on purpose"})
    assert stale_exemptions(card) == ("papers",)


def test_an_exemption_from_a_law_that_is_not_claimed_is_stale():
    card = replace(CARD, laws=frozenset(), exempt={"causal": "never claimed at all"})
    assert stale_exemptions(card) == ("causal",)


def test_compiling_checks_run_only_when_asked_for():
    slow = {check.name for check in CHECKS if check.slow}
    assert slow
    assert slow.isdisjoint(verdict.check for verdict in run(CARD))


def test_a_law_is_checked_only_where_it_is_claimed():
    check = next(check for check in CHECKS if check.law is Law.CAUSAL)
    assert check.cases(replace(CARD, laws=frozenset())) == ()
    assert check.cases(replace(CARD, laws=frozenset({Law.CAUSAL}))) == CARD.cases


def test_checks_of_the_whole_card_run_on_its_first_case():
    check = next(check for check in CHECKS if check.once)
    assert check.cases(GATES) == GATES.cases[:1]
