"""Each check rejects a broken twin of a correct operator, and all other checks accept that twin.

A twin is the source of `toy_operator.py` with a few words changed, so that it shows the exact mistake.
"""

import importlib.util
import sys
from pathlib import Path

import pytest

from circulant.testing import CHECKS

from .twins import TWINS

SOURCE = Path(__file__).with_name("toy_operator.py").read_text()
FUNCTIONS = {check.name: check for check in CHECKS}


def rows(items, is_slow, name):
    """One parameter each, marked slow where that is needed."""
    return [pytest.param(i, id=name(i), marks=[pytest.mark.slow] if is_slow(i) else []) for i in items]


@pytest.fixture
def load(tmp_path):
    """Imports the toy operator with edits applied, each of which must match exactly once."""
    name = f"twin_{tmp_path.name}"

    def card_of(edits):
        source = SOURCE
        for old, new in edits.items():
            assert source.count(old) == 1, f"{old!r} must occur once"
            source = source.replace(old, new)
        path = tmp_path / f"{name}.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(name, path)
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.CARD

    yield card_of
    sys.modules.pop(name, None)


def complaint(check, card):
    """What the check's own assertion says of the card, None if it holds; other errors come through."""
    try:
        for case in check.cases(card):
            check.function(card, case)
    except AssertionError as error:
        return str(error)
    return None


@pytest.mark.parametrize("check", rows(CHECKS, lambda check: check.slow, lambda check: check.name))
def test_the_correct_operator_passes(check, load):
    assert complaint(check, load({})) is None


@pytest.mark.parametrize("twin", rows(TWINS, lambda twin: FUNCTIONS[twin.check].slow, str))
def test_the_check_rejects_its_twin(twin, load):
    said = complaint(FUNCTIONS[twin.check], load(twin.edits))
    assert said is not None, "accepted"
    assert twin.says in said


@pytest.mark.parametrize("twin", TWINS, ids=str)
def test_the_other_checks_accept_the_twin(twin, load):
    card = load(twin.edits)
    others = [check for check in CHECKS if check.name != twin.check and not check.slow]
    rejected = {check.name for check in others if complaint(check, card) is not None}
    expected = {name for name in twin.also if name != twin.check and not FUNCTIONS[name].slow}
    assert rejected == expected


def test_every_check_has_a_twin():
    assert {twin.check for twin in TWINS} == set(FUNCTIONS)
