"""The page on the nights of a folder: curves of the last ones, and how the last run ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mfcli.evaluation.baseline import judged_by
from mfcli.nights.history import PastNight, PastNights
from mfcli.report.charts import Series, draw_lines
from mfcli.report.findings import Finding
from mfcli.report.markup import Html, el, facts, join, label, number, table
from mfcli.report.page import section, whole_page
from mfcli.report.sections import show_remarks
from mfcli.wording import counted

Value = Callable[[PastNight], float | None]
_GOOD = frozenset({"published", "unchanged", "rolled back", "forgotten", "dry run", "running"})


def render_nights(name: str, past: PastNights, version: str) -> tuple[str, list[Finding]]:
    """Return the text of the page on a folder of nights, and the remarks at its top.

    name: of the folder. The same manifests and the same latest.json give the same bytes.
    """
    found = list(_remarks(past))
    nights = past.nights
    lead = (
        f"{counted(len(nights), 'night')}, the last one {nights[-1].name}."
        if nights
        else "No night yet."
    )
    top = el("header", el("h1", label(name)), el("p", lead, class_="lead"))
    parts = [
        section("Worth knowing", show_remarks(found, several=False)),
        section("Curves", _curves(nights), "x: the night's number, in the order of publication."),
        section("Nights", _table(nights)),
        section("The last run", _last_run(past.latest)),
    ]
    return whole_page(f"{name} · nights · mfcli report", top, parts, version), found


def _remarks(past: PastNights) -> Iterator[Finding]:
    status = past.latest.get("status")
    if isinstance(status, str) and status not in _GOOD:
        reason = past.latest.get("reason") or "no reason is given"
        yield Finding("warning", "", f"The last run was {status}: {reason}")
    for name in past.passed_over:
        yield Finding("note", "", f"generations/{name} has no manifest that can be read.")


def _curves(nights: list[PastNight]) -> Html:
    """Return a figure for each thing that the nights have figures of."""
    charts: list[Html] = []
    for title, values in _charts(nights):
        series = [
            Series(name, points, colour)
            for colour, (name, value) in enumerate(values.items())
            if (points := _points(nights, value))
        ]
        if series:
            chart = draw_lines(f"nights-{len(charts)}", title, series, "night", whole=True)
            charts.append(el("figure", el("figcaption", title), chart))
    if not charts:
        return el("p", "No night was published: there is nothing to draw.", class_="hint")
    return el("div", join(charts), class_="charts")


def _points(nights: list[PastNight], value: Value) -> list[tuple[float, float]]:
    found = ((night.number, value(night)) for night in nights)
    return [(at, float(figure)) for at, figure in found if figure is not None]


def _charts(nights: list[PastNight]) -> Iterator[tuple[str, dict[str, Value]]]:
    """Yield the title of each chart, and what is drawn in it."""
    yield (
        "Quality on the following day",
        {
            "model of the night before": lambda night: night.quality[1],
            "tonight's, trained without that day": lambda night: night.quality[0],
        },
    )
    metric = judged_by(dict.fromkeys(name for night in nights for name in night.figures.metrics))
    if metric is not None:
        yield f"{metric} of the night's evaluation", {metric: _metric(metric)}
    yield "Churn of the lists", {"churn": _figure("churn")}
    yield "Rows", {"rows of the data": _figure("rows"), "rows of the lists": _figure("list_rows")}
    yield "Users", {"with a row": _figure("users"), "with a list": _figure("lists")}
    yield "Items", {"with a row": _figure("items")}
    shares = ("coverage", "popular", "users_kept", "items_kept")
    yield "Shares", {name.replace("_", " "): _figure(name) for name in shares}
    steps = dict.fromkeys(step for night in nights for step in night.seconds)
    total: dict[str, Value] = {"all": lambda night: night.total if night.seconds else None}
    yield "Seconds", total | {step: _step(step) for step in steps}


def _figure(name: str) -> Value:
    def value(night: PastNight) -> float | None:
        found: float | None = getattr(night.figures, name)
        return found

    return value


def _metric(name: str) -> Value:
    return lambda night: night.figures.metrics.get(name)


def _step(name: str) -> Value:
    return lambda night: night.seconds.get(name)


def _table(nights: list[PastNight]) -> Html:
    """Return the nights in numbers, the last one first."""
    columns: dict[str, Callable[[PastNight], Any]] = {
        "as of": lambda night: night.as_of,
        "rows": _figure("rows"),
        "users": _figure("users"),
        "items": _figure("items"),
        "quality": lambda night: night.quality[0],
        "of the night before": lambda night: night.quality[1],
        "churn": _figure("churn"),
        "coverage": _figure("coverage"),
        "seconds": lambda night: round(night.total, 1) if night.seconds else None,
    }
    rows = [
        [night.name, *(number(show(night)) for show in columns.values())]
        for night in reversed(nights)
    ]
    head = ["night", *columns]
    return table(head, rows, caption="The last nights", numbers=range(2, len(head)))


def _last_run(latest: dict[str, Any]) -> Html:
    """Return how the last run ended, and what its gates said."""
    if not latest:
        return el("p", "There is no latest.json.", class_="hint")
    shown = ("status", "reason", "generation", "current", "as_of")
    said = facts((name.replace("_", " "), latest[name]) for name in shown if latest.get(name))
    verdicts = latest.get("gates")
    rows = [
        [
            f"{it.get('gate')} {it.get('bound')}",
            "passed" if it.get("passed") else "REFUSED",
            it.get("sentence", ""),
        ]
        for it in (verdicts if isinstance(verdicts, list) else [])
        if isinstance(it, dict)
    ]
    rows.sort(key=lambda row: row[1] == "passed")
    gates = table(["gate", "", "figures"], rows, caption="Gates") if rows else Html("")
    return join([said, gates])
