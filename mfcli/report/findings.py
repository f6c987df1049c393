"""What a reader should know before trusting a run: each rule with its threshold, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mfcli.evaluation.baseline import judged_by
from mfcli.report.baseline import popularity_for, why_no_popularity
from mfcli.report.data import Run, find_best_epoch, find_watched, less_is_better
from mfcli.report.markup import percent
from mfcli.wording import counted, part_of

FEWEST_EPOCHS = 3  # fewer say nothing about a trend
LAST_PART, STILL_IMPROVING = 0.1, 0.01  # better by this share over the last part of the epochs
RISEN = 0.02  # validation loss above its best
FAR_APART = 1.5  # validation loss over train loss
LOW_COVERAGE = 0.05
MANY_UNKNOWN = 0.1
LIKE_POPULARITY = 0.7  # share of a list that popularity gives as well


@dataclass(frozen=True)
class Finding:
    """One remark: ``level`` is warning or note, ``run`` names the runs, nothing where it is all."""

    level: str
    run: str
    message: str


def collect_findings(runs: Sequence[Run]) -> list[Finding]:
    """Return all remarks on some runs, warnings first."""
    # What holds of several runs is said once.
    whose: dict[tuple[str, str], list[str]] = {}
    for run in runs:
        for level, message in _of_one(run, runs):
            whose.setdefault((level, message), []).append(run.name)
    found = [Finding(level, ", ".join(names), message) for (level, message), names in whose.items()]
    measured = [run for run in runs if run.metrics]
    message = ""
    if len({run.test for run in measured}) > 1:
        message = "The runs were measured on different test sets: their metrics do not compare."
    elif not all(run.measured_like(measured[0]) for run in measured):
        message = "The runs were measured in different ways: their metrics do not compare."
    if message:
        found.append(Finding("warning", "", message))
    return sorted(found, key=lambda finding: finding.level != "warning")


Said = Iterator[tuple[str, str]]


def _of_one(run: Run, runs: Sequence[Run]) -> Said:
    for rule in (_measured, _popularity, _trend, _apart, _coverage, _unknown, _belonging):
        yield from rule(run, runs)
    if run.missing:
        what = ", ".join(run.missing)
        yield "note", f"Not in the folder, and so not in this page: {what}."


def _measured(run: Run, runs: Sequence[Run]) -> Said:  # noqa: ARG001
    for code, text in run.warnings:
        yield "warning", f"{text} [{code}]."


def _popularity(run: Run, runs: Sequence[Run]) -> Said:
    if run.options.get("model") == "popularity":
        return
    yield from _overlap(run)
    if run.baseline:
        return  # evaluate has judged it, and what it warned of is said
    baseline, whence = popularity_for(run, runs)
    name = judged_by(name for name in run.metrics if name in baseline)
    ours, theirs = run.metrics.get(name or ""), baseline.get(name or "")
    if ours is not None and theirs is not None:
        if ours > theirs if less_is_better(name or "") else ours < theirs:
            message = (
                f"Worse than popularity: {name} is {ours:.4f}, popularity has {theirs:.4f} "
                f"({whence})."
            )
            yield "warning", message
    elif run.metrics and not baseline:
        yield "note", f"Not compared with popularity: {why_no_popularity(run)}."


def _overlap(run: Run) -> Said:
    overlap = run.popularity.overlap if run.popularity else None
    if overlap is not None and overlap >= LIKE_POPULARITY:
        message = (
            "The lists are little more than popularity: the most rated items would give users "
            f"{percent(overlap)} of them as well."
        )
        yield "warning", message


def _trend(run: Run, runs: Sequence[Run]) -> Said:  # noqa: ARG001
    measure, history = find_watched(run), run.history
    if measure is None or len(history) < FEWEST_EPOCHS:
        return
    values = [
        (point.epoch, value) for point in history if (value := measure.value(point)) is not None
    ]
    if len(values) < FEWEST_EPOCHS:
        return
    last = values[-1][1]
    before = values[max(0, len(values) - 1 - max(1, round(LAST_PART * len(values))))]
    gain = (before[1] - last) if measure.less_is_better else (last - before[1])
    best = find_best_epoch(run, measure)
    at_the_end = best is not None and best.epoch == values[-1][0]
    if at_the_end and before[1] and gain / abs(before[1]) > STILL_IMPROVING:
        message = (
            f"Still improving at the last epoch: {measure.name} went from {before[1]:.4g} at "
            f"epoch {before[0]} to {last:.4g} at epoch {values[-1][0]}. More --epochs may help."
        )
        yield "warning", message


def _apart(run: Run, runs: Sequence[Run]) -> Said:  # noqa: ARG001
    pairs = [
        (point.epoch, point.train_loss, point.valid_loss)
        for point in run.history
        if point.train_loss is not None and point.valid_loss is not None
    ]
    if not pairs:
        return
    epoch, train, valid = pairs[-1]
    if train > 0 and valid / train >= FAR_APART:
        message = (
            f"Validation is far from train: at epoch {epoch} the loss is {valid:.4g} on "
            f"validation and {train:.4g} on train, {valid / train:.1f} times as much. "
            "More --regularization or fewer --factors may help."
        )
        yield "warning", message
    best = min(pairs, key=lambda pair: pair[2])
    if len(pairs) >= FEWEST_EPOCHS and best[2] > 0 and valid > best[2] * (1 + RISEN):
        kept = (
            "the model kept is that of the best epoch"
            if run.options.get("patience")
            else ("--patience keeps the best epoch")
        )
        message = (
            f"The validation loss was lowest at epoch {best[0]} ({best[2]:.4g}) and rose to "
            f"{valid:.4g} at epoch {epoch}: {kept}."
        )
        yield "warning", message


def _coverage(run: Run, runs: Sequence[Run]) -> Said:  # noqa: ARG001
    there = run.popularity
    if there is not None and there.distinct_items < LOW_COVERAGE * there.known_items:
        message = (
            f"Low coverage: of {counted(there.known_items, 'item')} with a rating in train only "
            f"{there.distinct_items:,} are recommended to anyone."
        )
        yield "warning", message
        return
    for name, value in run.metrics.items():
        if there is None and name.startswith("coverage@") and value is not None:
            if value < LOW_COVERAGE:
                yield "warning", f"Low coverage: {name} is {percent(value)} of the items."
            return


def _unknown(run: Run, runs: Sequence[Run]) -> Said:  # noqa: ARG001
    counts = run.counts
    rows, strange = counts.get("test_rows"), counts.get("test_rows_unknown_user")
    if rows and strange and strange > MANY_UNKNOWN * rows:
        message = (
            f"Many unknown users: {part_of(strange, rows, 'test row', 'is', 'are')} of users "
            "without a rating in train, who all get the same scores."
        )
        yield "warning", message
    users, without = run.shape.get("users", 0), run.shape.get("users without a rating", 0)
    if without > MANY_UNKNOWN * users:
        yield "warning", f"{part_of(without, users, 'user', 'has', 'have')} no rating in train."


def _belonging(run: Run, runs: Sequence[Run]) -> Said:  # noqa: ARG001
    name = run.measured_file
    measured, model = run.inputs_of("evaluate", "model"), run.files.get(name)
    if measured and model and model not in measured:
        yield "warning", f"metrics.json was measured on another model than the folder's {name}."
    if name != "model.pt":
        message = (
            f"Metrics and curves are those of {name}; the recommendations come from model.pt, "
            "which was trained again on everything, with the same settings."
        )
        yield "note", message
    if run.popularity is not None and run.popularity.unknown_rows:
        message = (
            f"{counted(run.popularity.unknown_rows, 'row has', 'rows have')} in "
            "recommendations.csv a user or an item that model.pt does not know."
        )
        yield "warning", message
