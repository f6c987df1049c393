"""The section of curves: losses and metrics by epoch and by time, runs overlaid."""

from __future__ import annotations

from collections.abc import Sequence

from mfcli.config.choices import Objective
from mfcli.report.charts import Series, draw_lines
from mfcli.report.data import EpochPoint, Measure, Run, find_best_epoch, list_measures
from mfcli.report.markup import Html, el, join

LOSSES = ("train loss", "validation loss")
# Objectives whose loss is over negatives drawn at random, and what that loss is in words.
DRAWN: dict[Objective, str] = {
    Objective.bpr: "−log of how surely a liked item stands above a drawn one; 0.69 is a guess",
    Objective.bpr_squared: (
        "the square of how far a liked item is from surely standing above a drawn one; 0.25 is "
        "a guess"
    ),
    Objective.logistic: "the log loss of telling liked items from drawn ones",
    Objective.warp: (
        "how far liked items stand below drawn ones that they should stand above, those high in "
        "the list weighing more"
    ),
    Objective.softmax: "−log of the share that a liked item has among drawn ones",
    Objective.ccl: (
        "the distance of liked items, and how much nearer than a margin drawn ones come"
    ),
}


def draw_curves(runs: Sequence[Run]) -> Html:
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
        timed = [curve for curve in by_time if curve.points]
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
        for measure in list_measures(run.history):
            if measure.name in LOSSES:
                if says_little(run):
                    continue
                title, dashed = _loss(run), measure.name == "validation loss"
            else:
                title, dashed = f"{measure.name} on validation", False
            # One run: train and validation differ by colour; several: runs do.
            colour = number if len(runs) > 1 else int(dashed)
            found.setdefault(title, []).append((run, measure, colour, dashed))
    losses = [group for group in found.items() if group[0].startswith("Loss")]
    return losses + [group for group in found.items() if not group[0].startswith("Loss")]


def says_little(run: Run) -> bool:
    """Tell whether metrics on validation rows are drawn in place of a loss of drawn negatives."""
    measures = list_measures(run.history)
    return _objective(run) in DRAWN and any(it.name not in LOSSES for it in measures)


def explain_losses(runs: Sequence[Run]) -> list[str]:
    """Say what the losses of objectives with drawn negatives are, and which are not drawn."""
    said: list[str] = []
    there = [run for run in runs if run.history and _objective(run) in DRAWN]
    left_out = dict.fromkeys(str(run.options["objective"]) for run in there if says_little(run))
    if left_out:
        said.append(
            f"In place of the loss of {' and '.join(left_out)}, which is over negatives drawn at "
            "random, the metrics on validation rows are shown: they say how good the lists are."
        )
    kept = dict.fromkeys(run.options["objective"] for run in there if not says_little(run))
    said += [f"The loss of {name} is {DRAWN[Objective(name)]}." for name in kept]
    if kept:
        said.append(
            "Such a loss is of pairs drawn anew each epoch, so it is noisy, and lower does not "
            "mean better lists. train --valid FILE --metric ndcg@10 gives curves of the lists."
        )
    return said


def _objective(run: Run) -> Objective | None:
    name = run.options.get("objective")
    return Objective(name) if name in {it.value for it in Objective} else None


def _loss(run: Run) -> str:
    """Losses of different objectives are different numbers: each has a chart of its own."""
    objective = run.options.get("objective")
    return f"Loss ({objective})" if objective else "Loss"


def _name(run: Run, measure: Measure, wanted: Wanted, alone: bool) -> str:
    kind = measure.name.removesuffix(" loss")
    if alone:
        return kind
    both = len({other.name for _, other, *_ in wanted}) > 1
    return f"{run.name}: {kind}" if both else run.name


def _series(
    run: Run, measure: Measure, name: str, colour: int, dashed: bool, *, timed: bool
) -> Series:
    kept: list[EpochPoint] = []
    points: list[tuple[float, float]] = []
    for point in run.history:
        x, y = point.elapsed if timed else point.epoch, measure.value(point)
        if x is not None and y is not None:
            kept.append(point)
            points.append((x, y))
    best = find_best_epoch(run, measure) if measure.name != "train loss" else None
    place = next((at for at, point in enumerate(kept) if point is best), None)
    return Series(name, points, colour, dashed, place)


def _figure(chart_id: str, title: str, series: Sequence[Series], x_label: str) -> Html:
    chart = draw_lines(chart_id, title, series, x_label, whole=x_label == "epoch")
    return el("figure", el("figcaption", title), chart)
