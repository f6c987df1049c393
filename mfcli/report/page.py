"""The whole page: runs in, HTML out; the same runs give the same bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from mfcli.report import protocol, results, sections, users
from mfcli.report.curves import draw_curves, explain_losses
from mfcli.report.data import Run
from mfcli.report.findings import Finding, collect_findings
from mfcli.report.markup import Html, el, join, label
from mfcli.report.style import STYLE
from mfcli.wording import counted

# Nothing may be fetched, and no script may run, whatever the data hold.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

MOST_IN_TITLE = 3


def render_page(runs: Sequence[Run], version: str) -> tuple[str, list[Finding]]:
    """Return the text of the page, and the remarks that stand at its top."""
    found = collect_findings(runs)
    names = ", ".join(run.name for run in runs)
    short = names if len(runs) <= MOST_IN_TITLE else counted(len(runs), "run")
    title = f"{short} · mfcli report"
    top = el("header", el("h1", label(short)), el("p", _describe_runs(runs), class_="lead"))
    parts = [
        section("Worth knowing", sections.show_remarks(found, len(runs) > 1, names)),
        section("Results", results.show_results(runs)),
        section("Curves", draw_curves(runs), _explain_curves(runs)),
        section("Popularity of what is recommended", sections.show_popularity(runs)),
        section("A few users", users.show_users(runs)),
        section("How it was measured", protocol.show_protocol(runs)),
        section("What was run", sections.show_settings(runs)),
    ]
    return whole_page(title, top, parts, version), found


class Section(NamedTuple):
    """A section of a page: its title, where links lead to it, and all of it."""

    title: str
    place: str
    html: Html


def whole_page(title: str, top: Html, sections: Sequence[Section], version: str) -> str:
    """Return the text of a page: title, what stands at its top, contents, and its sections."""
    head = join(
        [
            el("meta", charset="utf-8"),
            el("meta", name="viewport", content="width=device-width, initial-scale=1"),
            el("meta", http_equiv="Content-Security-Policy", content=POLICY),
            el("meta", name="color-scheme", content="light dark"),
            el("link", rel="icon", href="data:,"),
            el("title", title),
            el("style", Html(STYLE)),
        ],
        "\n",
    )
    foot = el("footer", f"Made by mfcli {version} from the files named above; nothing is fetched.")
    links = (el("li", el("a", it.title, href=f"#{it.place}")) for it in sections)
    contents = el("nav", el("ul", *links), aria_label="Contents")
    whole = join((it.html for it in sections), "\n")
    body = el("body", top, contents, el("main", whole), foot)
    return "<!DOCTYPE html>\n" + el("html", el("head", head), body, lang="en") + "\n"


def section(title: str, content: Html, hint: str = "") -> Section:
    """Return a section of a page."""
    said = el("p", hint, class_="hint") if hint else ""
    place = re.sub(r"\W+", "-", title.lower())
    return Section(title, place, el("section", el("h2", title), said, content, id=place))


def _describe_runs(runs: Sequence[Run]) -> str:
    """Say in one line what the runs are."""
    if len(runs) > 1:
        names = "" if len(runs) <= MOST_IN_TITLE else f": {', '.join(run.name for run in runs)}"
        return f"{counted(len(runs), 'run')} compared{names}."
    run = runs[0]
    kind = " · ".join(
        str(run.options[name]) for name in ("model", "objective", "engine") if run.options.get(name)
    )
    size = ", ".join(
        f"{run.shape[name]:,} {name}" for name in ("users", "items", "ratings") if name in run.shape
    )
    return f"{kind or 'A run without model.pt'}{': ' + size if size else ''}."


def _explain_curves(runs: Sequence[Run]) -> str:
    said = []
    if any(point.valid_loss is not None for run in runs for point in run.history):
        said.append("Validation is dashed, a ring marks the best epoch.")
    if len({run.options.get("objective") for run in runs if run.history} - {None}) > 1:
        said.append("Losses of different objectives do not compare, so each has its own chart.")
    if any(run.history and run.history[0].elapsed is None for run in runs):
        said.append("A run without model.history.csv has no timings.")
    return " ".join([*said, *explain_losses(runs)])
