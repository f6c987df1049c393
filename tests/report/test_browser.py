"""A page fits a phone, a tablet and a desk, and paper; nothing but a table scrolls sideways."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from mfcli.stages.report import report
from tests.report.browser import DARK, browsed, measured, violations
from tests.report.reading import Page

RUN = Path(__file__).parent.parent / "zoo/files/run"


@pytest.fixture
def pages(tmp_path):
    """Return a page on one run, and one on five, whose names are long."""
    folders = [tmp_path / f"implicit-feedback-of-the-shop-{number}" for number in range(5)]
    for folder in folders:
        shutil.copytree(RUN, folder)
    one, five = tmp_path / "one.html", tmp_path / "five.html"
    report(folders[:1], one)
    report(folders, five)
    return {1: one, 5: five}


def test_the_contents_lead_to_every_section(pages):
    root = Page(pages[5].read_text("utf-8")).root
    links = [link.attributes["href"] for link in root.all("nav")[0].all("a")]
    places = [section.attributes["id"] for section in root.all("section")]
    assert links == [f"#{place}" for place in places]
    assert len(set(places)) == len(places) > 5


@pytest.mark.slow
def test_no_page_is_wider_than_its_window(pages, tmp_path):
    for runs, page in pages.items():
        for width, found in measured(page, tmp_path).items():
            assert found["content"] <= found["shown"] <= width, (runs, width)
            tables = {it["name"]: it for it in found["tables"]}
            assert all(it["fixed"] == "sticky" for it in found["tables"])
            wide = {name for name, it in tables.items() if it["content"] > it["shown"]}
            # One run fits a phone, five fit a desk; between them the table scrolls by itself.
            assert not wide or (runs > 1 and width < 1200), (runs, width, wide)


@pytest.mark.slow
def test_a_run_takes_at_most_eight_pages_of_paper(pages, tmp_path):
    for runs, page in pages.items():
        paper = tmp_path / f"{runs}.pdf"
        browsed(page, tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={paper}")
        sheets = re.findall(rb"/Type\s*/Page\b(?!s)", paper.read_bytes())
        assert 1 <= len(sheets) <= 8 * runs


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), (DARK,)], ids=["light", "dark"])
def test_axe_has_nothing_against_a_page(pages, tmp_path, options):
    for runs, page in pages.items():
        for width, found in violations(page, tmp_path, *options).items():
            assert not found, (runs, width)
