"""The codes of warnings: one table says what each means."""

from __future__ import annotations

import re

import pytest

from mfcli.codes import WARNINGS, WarningCode


def test_every_code_has_its_entry() -> None:
    assert list(WARNINGS) == list(WarningCode)


@pytest.mark.parametrize("code", WarningCode)
def test_a_code_is_named_after_its_member(code: WarningCode) -> None:
    assert code == "W-" + code.name.replace("_", "-")
    assert re.fullmatch(r"W-[a-z]+(-[a-z]+)*", code)


@pytest.mark.parametrize("code", WarningCode)
def test_an_entry_is_a_sentence_on_what_it_means_and_one_on_what_to_do(code: WarningCode) -> None:
    for text in (WARNINGS[code].meaning, WARNINGS[code].mend):
        assert text[0].isupper() or text[0] == "`"
        assert text.endswith(".")
