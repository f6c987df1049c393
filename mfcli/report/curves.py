"""The section of curves: losses and metrics by epoch and by time, runs overlaid."""

from __future__ import annotations

from collections.abc import Sequence

from mfcli.report.charts import Series, line_chart
from mfcli.report.data import EpochPoint, Measure, Run, best_epoch, measures
from mfcli.report.markup import Html, el, join

LOSSES = ("train loss", "validation loss")


def curves(runs: Sequence[Run]) -> Html:
    """Return a figure by epoch and one by time for each thing that the histories follow."""
    made: list[Html] = []
    for title, wanted in _groups(runs):
        by_epoch, by_time = [], []
        for run, measure, colour, dashed in wanted:
            name = _name(run, measure, wanted, alone=len(runs) == 1)
            by_epoch.append(_series(run, measure, name, colour, dashed, timed=False))
            by_time.append(_series(run, measure, name, colour, dashed, timed=True))
        number = len(made)
        made.append(_figure(f"chart-{number}", f"{title} by epoch", by_epoch, "epoch"))
        timed = [each for each in by_time if each.points]
        if timed:
            made.append(_figure(f"chart-{number + 1}", f"{title} by time", timed, "seconds"))
    if not made:
        return el("p", "No history of losses: there is nothing to draw.", class_="hint")
    return el("div", join(made), class_="charts")


Wanted = list[tuple[Run, Measure, int, bool]]


def _groups(runs: Sequence[Run]) -> list[tuple[str, Wanted]]:
    """Return title → what is drawn together: losses an objective, then metric by metric."""
    found: dict[str, Wanted] = {}
    for number, run in enumerate(runs):
        if run.options and not run.options.get("objective"):
            continue  # a baseline in closed form: its one epoch has no loss
        for measure in measures(run.history):
            if measure.name in LOSSES:
                title, dashed = _loss(run), measure.name == "validation loss"
            else:
                title, dashed = f"{measure.name} on validation", False
            # One run: train and validation differ by colour; several: runs do.
            colour = number if len(runs) > 1 else int(dashed)
            found.setdefault(title, []).append((run, measure, colour, dashed))
    losses = [each for each in found.items() if each[0].startswith("Loss")]
    return losses + [each for each in found.items() if not each[0].startswith("Loss")]


def _loss(run: Run) -> str:
    """Losses of different objectives are different numbers: each has a chart of its own."""
    objective = run.options.get("objective")
    return f"Loss ({objective})" if objective else "Loss"


def _name(run: Run, measure: Measure, wanted: Wanted, alone: bool) -> str:
    kind = measure.name.removesuffix(" loss")
    if alone:
        return kind
    both = len({each.name for _, each, *_ in wanted}) > 1
    return f"{run.name}: {kind}" if both else run.name


def _series(
    run: Run, measure: Measure, name: str, colour: int, dashed: bool, *, timed: bool
) -> Series:
    kept: list[EpochPoint] = []
    points: list[tuple[float, float]] = []
    for each in run.history:
        x, y = each.elapsed if timed else each.epoch, measure.value(each)
        if x is not None and y is not None:
            kept.append(each)
            points.append((x, y))
    best = best_epoch(run, measure) if measure.name != "train loss" else None
    place = next((at for at, each in enumerate(kept) if each is best), None)
    return Series(name, points, colour, dashed, place)


def _figure(chart_id: str, title: str, series: Sequence[Series], x_label: str) -> Html:
    chart = line_chart(chart_id, title, series, x_label, whole=x_label == "epoch")
    return el("figure", el("figcaption", title), chart)
