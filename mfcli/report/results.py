"""The sections on the metrics: values, intervals, comparisons, and how they were measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mfcli.config.metrics import Better, better_of, entry_of
from mfcli.report.charts import draw_intervals
from mfcli.report.data import Run, less_is_better, read_figures, read_intervals
from mfcli.report.markup import Html, el, facts, join, label, number, plain, table


def show_results(runs: Sequence[Run]) -> Html:
    """Return the metrics: tiles of a single run, a table of several."""
    measured = [run for run in runs if run.metrics]
    if not measured:
        return el(
            "p", "No metrics.json: run mfcli evaluate for figures on a test set.", class_="hint"
        )
    parts = [_sampled(run, len(runs) > 1) for run in measured if run.protocol.get("sampled")]
    parts += [_tiles(measured[0]) if len(runs) == 1 else _comparison(runs), _intervals(runs)]
    for run in measured:
        whose = f": {run.name}" if len(runs) > 1 else ""
        parts += [_models(run, whose), *_differences(run, whose)]
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
    lines = []
    for name, value in run.metrics.items():
        small = _range(run.intervals, name)
        lines.append(el("li", show_metric_name(name), el("b", number(_value(value))), small))
    return el("ul", *lines, class_="tiles")


def _value(value: float | None) -> float:
    """Return a metric; None, which JSON has for not a number, is not defined."""
    return float("nan") if value is None else value


def _range(intervals: dict[str, dict[str, Any]], name: str) -> Html:
    interval = intervals.get(name)
    return el("small", _ends(interval)) if interval else Html("")


def _ends(interval: dict[str, Any]) -> str:
    return f"{number(float(interval['low']))} to {number(float(interval['high']))}"


def _comparison(runs: Sequence[Run]) -> Html:
    """Return one line a metric, one column a run; the best is marked where they compare."""
    measured = [run for run in runs if run.metrics]
    fair = all(run.measured_like(measured[0]) for run in measured)
    columns = [(run.name, run.metrics, run.intervals) for run in runs]
    return _side_by_side(columns, "Metrics on the test set", fair)


def _models(run: Run, whose: str) -> Html:
    """Return the models and baselines of one metrics.json side by side."""
    models = run.models
    if run.baseline and not models:
        models = [run.measured | {"name": "model"}, run.baseline | {"baseline_of": "model"}]
    columns = [
        (
            _model_name(model),
            read_figures(model.get("metrics")),
            read_intervals(model.get("intervals")),
        )
        for model in models
    ]
    if len(columns) < 2:
        return Html("")
    return _side_by_side(columns, f"Measured together in metrics.json{whose}", True)


def _model_name(model: dict[str, Any]) -> str:
    return str(model.get("name", "model")) + (" (baseline)" if model.get("baseline_of") else "")


Column = tuple[str, dict[str, float | None], dict[str, dict[str, Any]]]


def _side_by_side(columns: Sequence[Column], caption: str, fair: bool) -> Html:
    rows = []
    for name in dict.fromkeys(name for _, metrics, _ in columns for name in metrics):
        found = [metrics.get(name) for _, metrics, _ in columns]
        values = [value for value in found if value is not None]
        best = (min if less_is_better(name) else max)(values, default=None)
        fair_here = fair and len(set(values)) > 1 and better_of(name) is not Better.neither
        cells: list[object] = [show_metric_name(name)]
        for _, metrics, intervals in columns:
            text = number(_value(metrics[name])) if name in metrics else "–"
            marked = fair_here and best is not None and metrics.get(name) == best
            shown = el("b", f"★ {text}", title="best") if marked else text
            cells.append(join([shown, _range(intervals, name)]))
        rows.append(cells)
    head = ["metric", *(label(name) for name, *_ in columns)]
    return table(head, rows, caption=caption, numbers=range(1, len(head)))


def _differences(run: Run, whose: str) -> list[Html]:
    """Return a table for each pair of models that metrics.json compares."""
    found = run.measured.get("differences")
    made = []
    for pair in found if isinstance(found, list) else []:
        metrics = pair.get("metrics") if isinstance(pair, dict) else None
        if not isinstance(metrics, dict):
            continue
        whole = read_intervals(metrics)
        rows = [
            [
                show_metric_name(name),
                f"{float(of['difference']):+.4f}",
                _ends(whole[name]) if name in whole else "–",
                "yes" if of.get("beyond_noise") else "no",
            ]
            for name, of in metrics.items()
            if isinstance(of, dict) and isinstance(of.get("difference"), float | int)
        ]
        caption = f"{pair.get('model')} − {pair.get('base')}, paired by user{whose}"
        head = ["metric", "difference", "95 % interval", "beyond noise"]
        made.append(table(head, rows, caption=caption, numbers=(1, 2, 3)))
    return made


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


def show_protocol(runs: Sequence[Run]) -> Html:
    """Return how the metrics were measured, what the runs share apart from what they do not."""
    stored = [run for run in runs if run.protocol]
    values = {
        name: [plain(run.protocol.get(name)) for run in stored]
        for name in dict.fromkeys(name for run in stored for name in run.protocol)
    }
    shared = {name: cells for name, cells in values.items() if len(set(cells)) == 1}
    shown: list[Html] = []
    if shared:
        lines = ((name.replace("_", " "), cells[0]) for name, cells in shared.items())
        shown.append(facts(lines, wide=True))
    if len(shared) < len(values):
        head = ["", *(label(run.name) for run in stored)]
        rows = [
            [name.replace("_", " "), *cells] for name, cells in values.items() if name not in shared
        ]
        shown.append(table(head, rows, caption="Measured differently"))
    there = [run for run in runs if run.counts]
    names = dict.fromkeys(name for run in there for name in run.counts)
    rows = [
        [name.replace("_", " "), *(plain(run.counts.get(name)) for run in there)] for name in names
    ]
    if len(there) == 1:
        shown += [el("h3", "What was counted"), facts((row[0], row[1]) for row in rows)]
    elif rows:
        head = ["", *(label(run.name) for run in there)]
        shown.append(table(head, rows, caption="What was counted", numbers=range(1, len(head))))
    elif not shown:
        return el("p", "metrics.json says it, and is not there.", class_="hint")
    return join(shown)
