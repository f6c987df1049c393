"""The sections on results, popularity, users, and on what was run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mfcli.report.charts import bar_chart, interval_chart
from mfcli.report.data import Example, Popularity, Run, less_is_better
from mfcli.report.findings import Finding
from mfcli.report.markup import Html, el, facts, join, label, number, percent, table


def remarks(found: Sequence[Finding], several: bool) -> Html:
    """Return warnings and notes as a list."""
    lines = [
        el(
            "li", el("b", each.level.capitalize(), class_="level"),
            el("b", label(each.run)) if several and each.run else "", each.message,
            class_=each.level,
        )
        for each in found
    ]  # fmt: skip
    fine = el("p", "Nothing to warn of.", class_="fine")
    if any(each.level == "warning" for each in found):
        fine = Html("")
    return join([fine, el("ul", *lines, class_="findings") if lines else ""])


def results(runs: Sequence[Run]) -> Html:
    """Return the metrics: tiles of a single run, a table of several."""
    measured = [run for run in runs if run.metrics]
    if not measured:
        return el("p", "No metrics.json: run mfcli evaluate for figures on a test set.",
                  class_="hint")  # fmt: skip
    parts = [_tiles(measured[0]) if len(runs) == 1 else _comparison(runs), _intervals(runs)]
    parts += [
        _rows(f"{key.capitalize()}: {run.name}", run.measured.get(key))
        for run in measured for key in ("models", "differences")
    ]  # fmt: skip
    return join(parts)


def _tiles(run: Run) -> Html:
    lines = []
    for name, value in run.metrics.items():
        small = el("small", _range(run, name)) if _range(run, name) else ""
        lines.append(el("li", el("span", name), el("b", number(_value(value))), small))
    return el("ul", *lines, class_="tiles")


def _value(value: Any) -> Any:
    """Return a metric; None, which JSON has for not a number, is not defined."""
    return float("nan") if value is None else value


def _range(run: Run, name: str) -> str:
    each = run.intervals.get(name, {})
    low, high = each.get("low"), each.get("high")
    return f"{number(low)} to {number(high)}" if low is not None and high is not None else ""


def _comparison(runs: Sequence[Run]) -> Html:
    """Return one line a metric, one column a run; the best is marked where tests are the same."""
    fair = len({run.test for run in runs if run.metrics}) == 1
    rows = []
    for name in dict.fromkeys(name for run in runs for name in run.metrics):
        values = [each for run in runs if (each := run.metrics.get(name)) is not None]
        best = (min if less_is_better(name) else max)(values, default=None)
        cells: list[object] = [name]
        for run in runs:
            value = run.metrics.get(name)
            text = number(_value(value)) if name in run.metrics else "–"
            marked = fair and len(values) > 1 and value is not None and value == best
            shown = el("b", f"★ {text}", title="best") if marked else text
            small = _range(run, name)
            cells.append(join([shown, el("small", small) if small else ""]))
        rows.append(cells)
    head = ["metric", *(label(run.name) for run in runs)]
    return table(head, rows, caption="Metrics on the test set", numbers=range(1, len(head)))


def _intervals(runs: Sequence[Run]) -> Html:
    """Draw the intervals of each metric that several runs have."""
    names = dict.fromkeys(name for run in runs for name in run.intervals)
    figures: list[Html] = []
    for name in names:
        rows = []
        for colour, run in enumerate(runs):
            each, value = run.intervals.get(name, {}), run.metrics.get(name)
            low, high = each.get("low"), each.get("high")
            if value is not None and low is not None and high is not None:
                rows.append((run.name, colour, value, float(low), float(high)))
        if len(rows) > 1:
            chart = interval_chart(f"interval-{len(figures)}", name, rows)
            figures.append(el("figure", el("figcaption", f"{name} with its interval"), chart))
    return el("div", join(figures), class_="charts") if figures else Html("")


def _rows(caption: str, found: Any) -> Html:
    """Return a list of plain tables as one table, or nothing."""
    lines = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    if isinstance(found, dict):
        lines = [{"name": k, **v} for k, v in found.items() if isinstance(v, dict)]
    lines = [_flat(each) for each in lines]
    names = list(dict.fromkeys(name for each in lines for name in each))
    if not names:
        return Html("")
    rows = [[_plain(each.get(name)) for name in names] for each in lines]
    return table([name.replace("_", " ") for name in names], rows, caption=caption)


def _flat(nested: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Return a table of tables as one, its names joined."""
    made: dict[str, Any] = {}
    for name, value in nested.items():
        full = f"{before} {name}".removeprefix("metrics ").strip()
        made |= _flat(value, full) if isinstance(value, dict) else {full: value}
    return made


def protocol(runs: Sequence[Run]) -> Html:
    """Return how the metrics were measured, what the runs share apart from what they do not."""
    protocols = [(run, run.measured.get("protocol")) for run in runs]
    stored = [(run, each) for run, each in protocols if isinstance(each, dict)]
    values = {
        name: [_plain(each.get(name)) for _, each in stored]
        for name in dict.fromkeys(name for _, each in stored for name in each)
    }
    shared = {name: each for name, each in values.items() if len(set(each)) == 1}
    shown: list[Html] = []
    if shared:
        lines = ((name.replace("_", " "), each[0]) for name, each in shared.items())
        shown.append(facts(lines, wide=True))
    if len(shared) < len(values):
        head = ["", *(label(run.name) for run, _ in stored)]
        rows = [
            [name.replace("_", " "), *each] for name, each in values.items() if name not in shared
        ]
        shown.append(table(head, rows, caption="Measured differently"))
    counted = [(run, run.measured.get("counts")) for run in runs]
    there = [(run, each) for run, each in counted if isinstance(each, dict)]
    names = dict.fromkeys(name for _, each in there for name in each)
    rows = [
        [name.replace("_", " "), *(_plain(each.get(name)) for _, each in there)] for name in names
    ]
    if len(there) == 1:
        shown += [el("h3", "What was counted"), facts((row[0], row[1]) for row in rows)]
    elif rows:
        head = ["", *(label(run.name) for run, _ in there)]
        shown.append(table(head, rows, caption="What was counted", numbers=range(1, len(head))))
    elif not shown:
        return el("p", "metrics.json says it, and is not there.", class_="hint")
    return join(shown)


def popularity(runs: Sequence[Run]) -> Html:
    """Return how popular the recommended items are against train."""
    there = [(run, run.popularity) for run in runs if run.popularity is not None]
    if not there:
        return el("p", "This needs both model.pt and recommendations.csv.", class_="hint")
    labels = [str(each) for each in range(10, 101, 10)]
    figures: list[Html] = []
    for at, (run, each) in enumerate(there):
        series = [("rows of train", [a for a, _ in each.deciles]),
                  ("recommendations", [b for _, b in each.deciles])]  # fmt: skip
        title = "What is recommended" if len(runs) == 1 else f"What is recommended: {run.name}"
        chart = bar_chart(
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
        ("what popularity would give as well",
         lambda p: "–" if p.overlap is None else percent(p.overlap)),
        ("users", lambda p: f"{p.users:,}"),
        ("rows", lambda p: f"{p.rows:,}"),
    ]  # fmt: skip
    rows = [[name, *(show(each) for _, each in there)] for name, show in columns]
    head = ["", *(label(run.name) for run, _ in there)]
    hint = el(
        "p", "Each pair of bars is a tenth of the items with a rating in train. The long tail are "
        "the least rated items that hold a fifth of train's rows.", class_="hint",
    )  # fmt: skip
    counted = table(head, rows, caption="Popularity in numbers", numbers=range(1, len(head)))
    return join([hint, el("div", join(figures), class_="charts"), counted])


def users(runs: Sequence[Run]) -> Html:
    """Return some users with what they have seen and what they are recommended."""
    shown: list[Html] = []
    for run in runs:
        if run.examples and len(runs) > 1:
            shown.append(el("h3", label(run.name)))
        shown += [_user(each) for each in run.examples]
    if not shown:
        return el("p", "This needs both model.pt and recommendations.csv.", class_="hint")
    return join(shown)


def _user(example: Example) -> Html:
    chips = el("ul", *(el("li", label(name)) for name in example.seen), class_="chips")
    more = example.n_seen - len(example.seen)
    rest = f", of which the {len(example.seen)} most rated" if more > 0 else ""
    rows = [
        [each.rank, label(each.name), number(each.score, 3),
         "–" if each.count is None else number(each.count)]
        for each in example.recommended
    ]  # fmt: skip
    listed = table(
        ["rank", "item", "score", "ratings in train"], rows, caption="Recommended",
        numbers=(0, 2, 3),
    )  # fmt: skip
    title = el("h4", "User ", label(example.user))
    seen = el("p", f"Has {example.n_seen:,} items in train{rest}:", class_="hint")
    return el("div", title, seen, chips, listed, class_="user")


def what_ran(runs: Sequence[Run]) -> Html:
    """Return the options that differ, and each run's shape, files and lineage."""
    parts = [_differing(runs)] if len(runs) > 1 else []
    for run in runs:
        files = facts(((name, el("code", each)) for name, each in run.files.items()), wide=True)
        inner = [
            facts((name, number(value)) for name, value in run.shape.items()),
            el("h4", "Files, SHA-256"), files,
            *(_step(step) for step in run.lineage),
        ]  # fmt: skip
        if not run.lineage:
            inner.append(el("p", "No lineage: neither model.pt nor metrics.json is there."))
        parts.append(el("details", el("summary", label(run.name)), *inner, open=""))
    return join(parts)


def _step(step: dict[str, Any]) -> Html:
    parts = [el("h4", f"mfcli {step.get('stage', '?')}")]
    inputs = step.get("inputs")
    lines = [
        (each.get("name") or each.get("role") or "input", el("code", each.get("sha256", "–")))
        for each in (inputs if isinstance(inputs, list) else []) if isinstance(each, dict)
    ]  # fmt: skip
    if lines:
        parts.append(facts(lines, wide=True))
    options = step.get("options")
    if isinstance(options, dict):
        parts.append(facts((_flag(name), _plain(value)) for name, value in options.items()))
    return join(parts)


def _differing(runs: Sequence[Run]) -> Html:
    names: Iterable[str] = dict.fromkeys(name for run in runs for name in run.options)
    rows = []
    for name in names:
        values = [_plain(run.options[name]) if name in run.options else "–" for run in runs]
        if len(set(values)) > 1:
            rows.append([_flag(name), *values])
    if not rows:
        return Html("")
    head = ["option of train", *(label(run.name) for run in runs)]
    return table(head, rows, caption="Options of train that differ")


def _flag(name: str) -> str:
    return name.replace("_", "-")


def _plain(value: Any) -> str:
    """Return a value of JSON as a reader may want it."""
    if isinstance(value, list):
        return ", ".join(_plain(each) for each in value) or "none"
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    if isinstance(value, float):
        return f"{value:,.6g}"
    return number(value)
