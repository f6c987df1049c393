"""The sections on warnings, popularity, and on what was run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mfcli.report.charts import draw_bars
from mfcli.report.data import Popularity, Run
from mfcli.report.findings import Finding
from mfcli.report.markup import Html, el, facts, join, label, number, percent, plain, table


def show_remarks(found: Sequence[Finding], several: bool, everyone: str = "") -> Html:
    """Return warnings and notes as a list; everyone: how a finding names all runs."""
    lines = [
        el(
            "li",
            el("b", finding.level.capitalize(), class_="level"),
            el("b", "All runs" if finding.run == everyone else label(finding.run))
            if several and finding.run
            else "",
            finding.message,
            class_=finding.level,
        )
        for finding in found
    ]
    fine = el("p", "Nothing to warn of.", class_="fine")
    if any(finding.level == "warning" for finding in found):
        fine = Html("")
    return join([fine, el("ul", *lines, class_="findings") if lines else ""])


def show_popularity(runs: Sequence[Run]) -> Html:
    """Return how popular the recommended items are against train."""
    there = [(run, run.popularity) for run in runs if run.popularity is not None]
    if not there:
        return el("p", "This needs both model.pt and recommendations.csv.", class_="hint")
    labels = [str(end) for end in range(10, 101, 10)]
    figures: list[Html] = []
    for at, (run, popular) in enumerate(there):
        series = [
            ("rows of train", [a for a, _ in popular.deciles]),
            ("recommendations", [b for _, b in popular.deciles]),
        ]
        title = "What is recommended" if len(runs) == 1 else f"What is recommended: {run.name}"
        chart = draw_bars(
            f"popularity-{at}", title, labels, series, "items by popularity, most rated first (%)"
        )
        figures.append(el("figure", el("figcaption", title), chart))
    columns: list[tuple[str, Callable[[Popularity], str]]] = [
        ("items recommended", lambda p: f"{p.distinct_items:,} of {p.known_items:,}"),
        ("share of the catalogue", lambda p: percent(p.distinct_items / p.known_items)),
        ("mean ratings of a recommended item", lambda p: number(p.mean_recommended, 1)),
        ("mean ratings of an item, over train's rows", lambda p: number(p.mean_train, 1)),
        ("long tail in train", lambda p: percent(p.tail_train)),
        ("long tail in recommendations", lambda p: percent(p.tail_recommended)),
        (
            "what popularity would give as well",
            lambda p: "–" if p.overlap is None else percent(p.overlap),
        ),
        ("users", lambda p: f"{p.users:,}"),
        ("rows", lambda p: f"{p.rows:,}"),
    ]
    rows = [[name, *(show(popular) for _, popular in there)] for name, show in columns]
    head = ["figure", *(label(run.name) for run, _ in there)]
    hint = el(
        "p",
        "Each pair of bars is a tenth of the items with a rating in train. The long tail are "
        "the least rated items that hold a fifth of train's rows.",
        class_="hint",
    )
    counted = table(head, rows, caption="Popularity in numbers", numbers=range(1, len(head)))
    return join([hint, el("div", join(figures), class_="charts"), counted])


def show_settings(runs: Sequence[Run]) -> Html:
    """Return the options that differ, and each run's shape, files and lineage."""
    parts = [_differing(runs)] if len(runs) > 1 else []
    for run in runs:
        files = facts(((name, el("code", digest)) for name, digest in run.files.items()), wide=True)
        inner = [
            facts((name, number(value)) for name, value in run.shape.items()),
            el("h3", "Files, SHA-256"),
            files,
            *(_step(step) for step in run.lineage),
        ]
        if not run.lineage:
            inner.append(el("p", "No lineage: neither model.pt nor metrics.json is there."))
        parts.append(el("details", el("summary", label(run.name)), *inner, open=""))
    return join(parts)


def _step(step: dict[str, Any]) -> Html:
    parts = [el("h3", f"mfcli {step.get('stage', '?')}")]
    inputs = step.get("inputs")
    lines = [
        (entry.get("name") or entry.get("role") or "input", el("code", entry.get("sha256", "–")))
        for entry in (inputs if isinstance(inputs, list) else [])
        if isinstance(entry, dict)
    ]
    if lines:
        parts.append(facts(lines, wide=True))
    options = step.get("options")
    if isinstance(options, dict):
        parts.append(facts((_flag(name), plain(value)) for name, value in options.items()))
    return join(parts)


def _differing(runs: Sequence[Run]) -> Html:
    names: Iterable[str] = dict.fromkeys(name for run in runs for name in run.options)
    rows = []
    for name in names:
        values = [plain(run.options[name]) if name in run.options else "–" for run in runs]
        if len(set(values)) > 1:
            rows.append([_flag(name), *values])
    if not rows:
        return Html("")
    head = ["option of train", *(label(run.name) for run in runs)]
    return table(head, rows, caption="Options of train that differ")


def _flag(name: str) -> str:
    return name.replace("_", "-")
