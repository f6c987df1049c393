"""Counts, figures, times and sizes are said in one way."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfcli.wording import counted, duration, figure, interval, size


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (1, ("row",), "1 row"),
        (0, ("row",), "0 rows"),
        (2345, ("row",), "2,345 rows"),
        (2, ("list that changed", "lists that changed"), "2 lists that changed"),
    ],
)
def test_a_count_has_its_noun(number, words, said):
    assert counted(number, *words) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.351234, "0.3512"),
        (1.0234, "1.0234"),
        (0.00012345, "0.0001234"),
        (123.4567, "123.457"),
        (12345.67, "12,345.7"),
        (2.5e9, "2,500,000,000"),
        (0.0, "0.0000"),
        (-0.5, "-0.5000"),
        (1.5e-9, "1.500e-09"),
        (math.nan, "not defined"),
        (math.inf, "inf"),
        (None, "–"),
    ],
)
def test_a_figure_has_four_decimals_that_count(value, said):
    assert figure(value) == said


@given(st.floats(1e-300, 1e300))
def test_a_figure_is_as_near_as_four_digits_are(value):
    assert float(figure(value).replace(",", "")) == pytest.approx(value, rel=0.6e-3)
    assert figure(-value) == f"-{figure(value)}"
    assert figure(value, signed=True) == f"+{figure(value)}"


def test_the_ends_of_an_interval_have_equal_decimals():
    assert interval(-0.005, 0.015, signed=True) == "-0.00500 to +0.01500"
    assert interval(0.3477, 0.35471) == "0.3477 to 0.3547"
    assert interval(math.nan, 1.0) == "–"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.0004, "1 ms"),
        (0.42, "0.42 s"),
        (9.84, "9.8 s"),
        (9.96, "10 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3 * 3600, "3 h"),
        (3 * 3600 + 290, "3 h 5 min"),
        (2 * 86_400 - 1, "2 days"),
        (2 * 86_400 + 4 * 3600, "2 days 4 h"),
        (-90, "-1 min 30 s"),
        (math.inf, "not known"),
    ],
)
def test_a_time_is_said_in_its_largest_units(seconds, said):
    assert duration(seconds) == said


UNITS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "day": 86_400.0, "days": 86_400.0}


@given(st.floats(0, 1e10))
def test_a_time_is_near_what_is_said(seconds):
    parts = re.findall(r"([\d,.]+) (\w+)", duration(seconds))
    said = sum(float(number.replace(",", "")) * UNITS[unit] for number, unit in parts)
    assert said == pytest.approx(seconds, rel=0.06, abs=1e-3)
    assert len(parts) <= 2


@pytest.mark.parametrize(
    ("n_bytes", "said"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.00 kB"),
        (12_345, "12.3 kB"),
        (999_600, "1.00 MB"),
        (4.56e9, "4.56 GB"),
        (1e19, "10,000 PB"),
    ],
)
def test_a_size_has_three_digits_and_a_unit(n_bytes, said):
    assert size(n_bytes) == said
