"""The section on the metrics: values, intervals, popularity beside them, verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mfcli.config.metrics import Better, better_of, entry_of
from mfcli.report import differences
from mfcli.report.baseline import (
    is_popularity,
    own_intervals,
    own_popularity,
    popularity_for,
    why_no_popularity,
)
from mfcli.report.charts import draw_intervals
from mfcli.report.data import Run, less_is_better, read_figures, read_intervals
from mfcli.report.markup import Html, el, join, label, number, plain, table
from mfcli.report.paired import pair_runs

SPREADS = ("folds", "repeats")  # of which metrics.json may hold means


def show_results(runs: Sequence[Run]) -> Html:
    """Return the metrics: tiles of a single run, a table of several, and what is better."""
    measured = [run for run in runs if run.metrics]
    if not measured:
        return el(
            "p", "No metrics.json: run mfcli evaluate for figures on a test set.", class_="hint"
        )
    several, pairing = len(runs) > 1, pair_runs(runs)
    parts = [_sampled(run, several) for run in measured if run.protocol.get("sampled")]
    parts.append(differences.show_verdicts(runs, pairing))
    parts.append(_comparison(runs) if several else _tiles(measured[0]))
    if pairing is not None:
        parts.append(differences.show_paired(runs, pairing))
    parts += [differences.show_to_popularity(measured, several), _intervals(runs)]
    for run in measured:
        whose = f": {run.name}" if several else ""
        parts += [_models(run, whose), *differences.show_stored(run, whose)]
    return join(parts)


def show_metric_name(full: str) -> Html:
    """Return a metric's name, which says in words what it is where the pointer rests on it."""
    entry = entry_of(full)
    return el("span", full, title=None if entry is None else f"{entry.label}: {entry.formula}")


def _sampled(run: Run, several: bool) -> Html:
    whose = join([label(run.name), ": "]) if several else ""
    count = plain(run.protocol["sampled"])
    return el(
        "p",
        el("b", "SAMPLED. "),
        whose,
        f"{count} candidates a user and the positives, not all "
        "items: these figures are higher than those of full ranking.",
    )


def _tiles(run: Run) -> Html:
    """Return one tile a metric, popularity below it, or a line that says why it is not there."""
    popular = popularity_for(run, [])[0]
    lines = []
    for name, value in run.metrics.items():
        beside = (
            el("small", f"popularity {number(_value(popular[name]))}") if name in popular else ""
        )
        shown = el("b", number(_value(value)))
        lines.append(
            el(
                "li",
                show_metric_name(name),
                shown,
                _range(run.intervals, name),
                _spread(run, name),
                beside,
            )
        )
    tiles = el("ul", *lines, class_="tiles")
    if popular or is_popularity(run):
        return tiles
    return join([tiles, el("p", f"Without popularity: {why_no_popularity(run)}.", class_="hint")])


def _spread(run: Run, name: str) -> Html:
    """Return the standard deviation over folds or repeats."""
    found = read_figures(run.measured.get("sd")).get(name)
    kind = next((kind for kind in SPREADS if kind in run.measured), None)
    if found is None or kind is None:
        return Html("")
    return el("small", f"± {number(found)}, sd over {len(run.measured[kind])} {kind}")


def _value(value: float | None) -> float:
    """Return a metric; None, which JSON has for not a number, is not defined."""
    return float("nan") if value is None else value


def _range(intervals: dict[str, dict[str, Any]], name: str) -> Html:
    interval = intervals.get(name)
    return el("small", show_ends(interval)) if interval else Html("")


def show_ends(interval: dict[str, Any]) -> str:
    """Return both ends of an interval."""
    return f"{number(float(interval['low']))} to {number(float(interval['high']))}"


def _comparison(runs: Sequence[Run]) -> Html:
    """Return one line a metric, one column a run; the best is marked where they compare.

    Popularity is a column of its own where it is the same for all, else a line in each cell.
    """
    measured = [run for run in runs if run.metrics]
    fair = all(run.measured_like(measured[0]) for run in measured)
    columns: list[Column] = [(run.name, run.metrics, run.intervals) for run in runs]
    known = {at: own for at, run in enumerate(runs) if (own := own_popularity(run))}
    below: dict[int, dict[str, float | None]] = {}
    if known and fair and all(own == next(iter(known.values())) for own in known.values()):
        if not any(map(is_popularity, runs)):
            first = runs[next(iter(known))]
            columns.append(("popularity", own_popularity(first), own_intervals(first)))
    else:
        below = known
    parts = [_side_by_side(columns, "Metrics on the test set", fair, below)]
    why: dict[str, list[str]] = {}
    for run in measured:
        if not popularity_for(run, runs)[0] and not is_popularity(run):
            why.setdefault(why_no_popularity(run), []).append(run.name)
    for reason, names in why.items():
        text = join(["Without popularity: ", label(", ".join(names)), f": {reason}."])
        parts.append(el("p", text, class_="hint"))
    return join(parts)


def _models(run: Run, whose: str) -> Html:
    """Return the models and baselines of one metrics.json side by side, where it has several."""
    columns: list[Column] = [
        (
            _model_name(model),
            read_figures(model.get("metrics")),
            read_intervals(model.get("intervals")),
        )
        for model in run.models
    ]
    if len(columns) < 2:
        return Html("")
    return _side_by_side(columns, f"Measured together in metrics.json{whose}", True, {})


def _model_name(model: dict[str, Any]) -> str:
    return str(model.get("name", "model")) + (" (baseline)" if model.get("baseline_of") else "")


Column = tuple[str, dict[str, float | None], dict[str, dict[str, Any]]]


def _side_by_side(
    columns: Sequence[Column],
    caption: str,
    fair: bool,
    below: dict[int, dict[str, float | None]],
) -> Html:
    """Return the metrics, a column a model; below: place of a column → its popularity."""
    rows = []
    for name in dict.fromkeys(name for _, metrics, _ in columns for name in metrics):
        found = [metrics.get(name) for _, metrics, _ in columns]
        values = [value for value in found if value is not None]
        best = (min if less_is_better(name) else max)(values, default=None)
        fair_here = fair and len(set(values)) > 1 and better_of(name) is not Better.neither
        cells: list[object] = [show_metric_name(name)]
        for at, (_, metrics, intervals) in enumerate(columns):
            text = number(_value(metrics[name])) if name in metrics else "–"
            marked = fair_here and best is not None and metrics.get(name) == best
            shown = el("b", f"★ {text}", title="best") if marked else text
            popular = below.get(at, {})
            beside = (
                el("small", f"popularity {number(_value(popular[name]))}")
                if name in popular
                else ""
            )
            cells.append(join([shown, _range(intervals, name), beside]))
        rows.append(cells)
    head = ["metric", *(label(name) for name, *_ in columns)]
    return table(head, rows, caption=caption, numbers=range(1, len(head)))


def _intervals(runs: Sequence[Run]) -> Html:
    """Draw the intervals of each metric that several runs have."""
    names = dict.fromkeys(name for run in runs for name in run.intervals)
    figures: list[Html] = []
    for name in names:
        rows = []
        for colour, run in enumerate(runs):
            interval, value = run.intervals.get(name, {}), run.metrics.get(name)
            low, high = interval.get("low"), interval.get("high")
            if value is not None and low is not None and high is not None:
                rows.append((run.name, colour, value, float(low), float(high)))
        if len(rows) > 1:
            chart = draw_intervals(f"interval-{len(figures)}", name, rows)
            figures.append(el("figure", el("figcaption", f"{name} with its interval"), chart))
    return el("div", join(figures), class_="charts") if figures else Html("")
