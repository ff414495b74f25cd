"""How numbers are written."""

import pytest

from circulant.report.numbers import (
    BYTES,
    COUNT,
    THIN,
    TIME,
    half_width,
    long_date,
    percent,
    points,
    show,
    significant,
    unit_for,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0123456, "0.0123"),
        (1.2, "1.20"),
        (45.64, "45.6"),
        (99.96, "100"),
        (9.996, "10.0"),
        (789.4, "789"),
        (12345, "12,300"),
        (-1.5, "−1.50"),
        (float("inf"), "–"),
        (float("nan"), "–"),
    ],
)
def test_three_digits_are_significant(value, text):
    assert significant(value) == text


@pytest.mark.parametrize(
    ("value", "family", "text"),
    [
        (0.0047, TIME, "4.70 ms"),
        (0.00099996, TIME, "1.00 ms"),
        (1.234, TIME, "1.23 s"),
        (3e-5, TIME, "30.0 µs"),
        (57_900_000, BYTES, "57.9 MB"),
        (72010, COUNT, "72.0 k"),
        (640, COUNT, "640"),
        (0, TIME, "0 µs"),
    ],
)
def test_a_measure_gets_the_unit_that_suits_it(value, family, text):
    assert show(value, family) == text.replace(" ", THIN)


def test_a_column_has_one_unit():
    assert unit_for([0.5e-3, 2e-3, 900e-3], TIME).symbol == "ms"
    assert unit_for([], TIME).symbol == "µs"
    assert unit_for([float("inf"), 2.0], TIME).symbol == "s"


def test_accuracy_has_one_decimal_and_a_narrow_space():
    assert percent(0.97849) == f"97.8{THIN}%"
    assert percent(1) == f"100.0{THIN}%"
    assert percent(0.624, 0) == f"62{THIN}%"
    assert half_width(0.9, 0.918) == "±0.9"


@pytest.mark.parametrize(
    ("difference", "text"),
    [(0.0083, "+0.8"), (-0.0083, "−0.8"), (0.0004, "0.0"), (-0.0004, "0.0"), (0, "0.0")],
)
def test_differences_carry_a_true_sign_unless_they_round_to_zero(difference, text):
    assert points(difference) == text


@pytest.mark.parametrize("iso", ["2026-11-21", "2026-11-21T10:20:00", "2026-11-21T10:20:00+00:00"])
def test_dates_are_written_out(iso):
    assert long_date(iso) == "21 November 2026"
