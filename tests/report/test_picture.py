"""README's picture of the report is a page as mfcli makes it today."""

from __future__ import annotations

import re

import pytest

from mfcli.report.style import STYLE
from tests.report.picture import PATH, draw, words


def test_the_picture_is_small_and_fetches_nothing():
    text = PATH.read_text("utf-8")
    assert len(text) < 300_000
    assert "<script" not in text
    assert "url(" not in text
    addresses = re.findall(r'(?:href|src)="([^"]*)"', text)
    assert all(address.startswith("#") for address in addresses)
    assert STYLE[: STYLE.index("* {")] in text, "python -m tests.report.picture draws it anew"


@pytest.mark.slow
def test_the_picture_says_what_a_page_says():
    assert words(PATH.read_text("utf-8")) == words(draw()), "python -m tests.report.picture"
