"""The picture of the report that README shows: the top of a real page, in an SVG.

``python -m tests.report.picture`` writes mfcli/docs/report.svg: the built-in sample is run as
README has it, and the page's own elements and style sheet are put into the SVG, cut below the
metrics. Nothing is fetched, and no script is in it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import mfcli
from mfcli.report.folder import read_run
from mfcli.report.page import render_page
from mfcli.report.style import STYLE

PATH = Path(mfcli.__file__).parent / "docs" / "report.svg"
RUN = ("run", "demo", "--threshold", "4", "--out", "run")  # as README has it
WIDTH, HEIGHT = 900, 790
SHOWN = ("worth-knowing", "results")


def draw() -> str:
    """Return the SVG of a page on the built-in sample, which is run for it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "mfcli", *RUN]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        run = read_run(Path(folder) / "run", "run", 0, [])
    text, _ = render_page([run], mfcli.__version__)
    header = re.search(r"<header>.*?</nav>", text, re.DOTALL)
    assert header is not None
    sections = re.findall(r"<section id=\"([^\"]+)\">(.*?)</section>", text, re.DOTALL)
    kept = "".join(f"<section>{inner}</section>" for place, inner in sections if place in SHOWN)
    inner = header[0] + f"<main>{kept}</main>"
    # A picture is as wide as it is: no rule for phones or paper, and none for the outer svg.
    style = STYLE[: STYLE.index("@media (max-width")]
    style = re.sub(
        r"^(svg|body)\b",
        lambda it: {"svg": ".page svg", "body": ".page"}[it[1]],
        style,
        flags=re.MULTILINE,
    )
    inner = inner.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}">\n<style>{style}</style>\n'
        f'<foreignObject width="{WIDTH}" height="{HEIGHT}">\n'
        f'<div xmlns="http://www.w3.org/1999/xhtml" class="page" style="height:{HEIGHT}px;'
        f'overflow:hidden">{inner}</div>\n</foreignObject>\n</svg>\n'
    )
    ElementTree.fromstring(svg)
    return svg


def words(svg: str) -> list[str]:
    """Return what a picture says, its figures apart: they may differ in a last digit."""
    text = re.sub(r"<style>.*?</style>|<desc.*?</desc>", " ", svg, flags=re.DOTALL)
    return re.findall(r"[^\W\d_]{2,}", re.sub(r"<[^>]*>", " ", text))


if __name__ == "__main__":
    PATH.write_text(draw(), "utf-8")
