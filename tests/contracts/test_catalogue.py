"""The catalogue and the folder of operators hold the same, and no card is half empty."""

from collections import Counter
from pathlib import Path

import pytest

import circulant.operators
from circulant.catalogue import CATALOGUE, find
from circulant.core.card import Law
from circulant.core.errors import UnknownNameError
from circulant.testing import CHECKS

ROOT = Path(circulant.operators.__file__).parent
cards = pytest.mark.parametrize("card", CATALOGUE, ids=lambda card: card.name)


def test_every_file_with_a_card_is_in_the_catalogue_once():
    paths = [path for path in ROOT.glob("*/*.py") if "\nCARD = " in path.read_text()]
    files = [path.relative_to(ROOT).with_suffix("").parts for path in paths]
    modules = [tuple(card.module.split(".")[2:]) for card in CATALOGUE]
    assert sorted(modules) == sorted(files)


def test_no_two_operators_share_a_name():
    names = Counter(operator.__name__ for card in CATALOGUE for operator in card.operators)
    assert [name for name, times in names.items() if times > 1] == []


@cards
def test_every_operator_of_a_card_has_a_case(card):
    made = {type(case.make()) for case in card.cases}
    assert made == set(card.operators)


@cards
def test_a_card_has_several_cases_with_names_of_their_own(card):
    names = [str(case) for case in card.cases]
    assert len(names) >= 2
    assert len(set(names)) == len(names)


@cards
def test_exemptions_name_checks_and_give_reasons(card):
    names = {check.name for check in CHECKS}
    assert set(card.exempt) <= names
    assert all(len(reason.split()) >= 3 for reason in card.exempt.values())


@cards
def test_an_operator_is_found_by_each_of_its_names(card):
    assert all(find(operator.__name__) is card for operator in card.operators)


def test_an_unknown_name_is_answered_with_near_ones():
    name = CATALOGUE[0].name
    with pytest.raises(UnknownNameError, match=name):
        find(name[:-1] + "x")


def test_every_law_has_a_check():
    assert {check.law for check in CHECKS} - {None} == set(Law)


def test_checks_have_names_of_their_own():
    assert len({check.name for check in CHECKS}) == len(CHECKS)
