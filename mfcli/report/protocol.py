"""The section on how the metrics were measured."""

from __future__ import annotations

from collections.abc import Sequence

from mfcli.report.data import Run
from mfcli.report.markup import Html, el, facts, join, label, plain, table


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
        head = ["rule", *(label(run.name) for run in stored)]
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
        head = ["count", *(label(run.name) for run in there)]
        shown.append(table(head, rows, caption="What was counted", numbers=range(1, len(head))))
    elif not shown:
        return el("p", "metrics.json says it, and is not there.", class_="hint")
    return join(shown)
