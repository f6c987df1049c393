"""Every figure of README and the pages has a source that ``mfcli/docs/figures.md`` names."""

from __future__ import annotations

import re

import pytest

from tests.test_readme import PAGES, WRITTEN

LIST = PAGES["mfcli/docs/figures.md"]
UNITS = (
    "s|ms|seconds?|minutes?|min|hours?|h|days?|bytes|kB|KB|MB|GB|TB|%|times|million|"
    "M ratings/s|M samples/s|cores"
)
FIGURE = re.compile(rf"(?<![\w.-])(?:\d[\d,.]*\s(?:{UNITS})(?![\w-])|[01]?\.\d{{2,}}\b)")
KINDS = ("run", "make ", "by hand", "published", "rule", "from quality")
ROWS = re.findall(r"^\| (\w+) \| (.+?) \| (.+?) \|$", LIST, re.MULTILINE)[1:]


def sections(text: str) -> dict[str, str]:
    """Return what each heading of a page has below it, without samples and names in code."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"`[^`]*`", lambda code: code[0] if " " in code[0] else "", text)
    parts = re.split(r"^#+ (.*)$", text, flags=re.MULTILINE)
    names = [name.replace("`", "") for name in parts[1::2]]
    return dict(zip(names, map("".join, zip(parts[1::2], parts[2::2], strict=True)), strict=True))


def page_name(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".md")


def test_every_section_with_a_figure_is_in_the_list():
    there = {
        (page_name(path), heading)
        for path, text in WRITTEN.items()
        if page_name(path) != "figures"
        for heading, body in sections(text).items()
        if FIGURE.search(body)
    }
    listed = {(page, heading) for page, heading, _ in ROWS}
    shown = ("README", "Five commands")  # a sample of output, which a test compares
    assert there | {shown} == listed
    assert len(ROWS) == len(listed)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}: {row[1]}")
def test_every_source_is_of_a_kind_that_the_page_explains(row):
    for part in row[2].replace("`", "").split("; "):
        assert any(kind in part for kind in KINDS), part


@pytest.mark.parametrize(
    ("page", "heading"),
    [("choosing", "First: what is asked?"), ("choosing", "Then: which of them?")],
)
def test_figures_that_are_said_again_are_those_of_quality(page, heading):
    measured = [float(it) for it in re.findall(r"\b0\.\d+\b", PAGES["mfcli/docs/quality.md"])]
    body = sections(PAGES[f"mfcli/docs/{page}.md"])[heading]
    said = re.findall(r"\b0\.\d+\b", body)
    assert said
    for text in said:
        digits = len(text.partition(".")[2])
        assert any(abs(float(text) - it) < 0.501 / 10**digits for it in measured), text


def test_the_share_of_obscure_items_is_that_of_quality():
    (share,) = re.findall(r"up to (\d+) % of", PAGES["mfcli/docs/recommending.md"])
    lists = sections(PAGES["mfcli/docs/quality.md"])["Lists of rating models: ml-100k"]
    assert int(share) == max(map(int, re.findall(r"0\.\d+, (\d+) %", lists)))
