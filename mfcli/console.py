"""Everything that a person sees: live progress on a terminal, plain lines elsewhere, result tables.

Tables go to standard output; progress, notes, warnings and errors to standard error.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from mfcli.results import (
    EpochResult,
    EvaluateResult,
    Event,
    FetchResult,
    FoldsResult,
    InspectResult,
    Noted,
    Progress,
    RecommendResult,
    ReportResult,
    Result,
    RunResult,
    SplitResult,
    Started,
    TrainingStarted,
    TrainResult,
    Warned,
)
from mfcli.streams import emit, standard_error


class Screen:
    """Shows the events of a stage as they come, and its result at the end.

    On a terminal, a live display redraws itself; elsewhere, one plain line an epoch or a stage.
    """

    def __init__(self, *, as_json: bool, quiet: bool, data_on_stdout: bool) -> None:
        """Choose where tables go: standard error, where standard output holds data or JSON."""
        self.out = Console(file=standard_error() if data_on_stdout else sys.stdout)
        if not self.out.is_terminal:
            # A file or a pipe has no width: never fold or cut what a script may search.
            self.out = Console(file=self.out.file, width=200)
        self.err = Console(file=standard_error(), soft_wrap=True, highlight=False)
        self.as_json, self.quiet = as_json, quiet
        self._live: Live | None = None
        self._bar: Bar | None = None
        self._task: Any = None
        self._training: TrainingStarted | None = None
        self._epochs: list[EpochResult] = []
        self._began = 0.0

    def __enter__(self) -> Self:
        """Enter."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Take the live display down, whatever happened."""
        self._stop()

    def report(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, Warned):
            self._line(f"warning: {event.message}")
        elif self.quiet:
            return
        elif isinstance(event, Noted):
            self._line(event.message)
        elif isinstance(event, Started):
            self._start(event.title, event.total)
        elif isinstance(event, TrainingStarted):
            self._start_training(event)
        elif isinstance(event, EpochResult):
            self._epoch(event)
        else:
            self._progress(event)

    def _line(self, text: str) -> None:
        console = self._live.console if self._live else self.err
        console.print(Text(text), soft_wrap=True)

    def _start(self, title: str, total: int | None) -> None:
        self._stop()
        if not self.err.is_terminal:
            return
        self._bar = Bar(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TaskProgressColumn(), console=self.err, transient=True,
        )  # fmt: skip
        self._task = self._bar.add_task(title, total=total)
        self._open(self._bar)

    def _start_training(self, event: TrainingStarted) -> None:
        self._stop()
        self._line(
            f"training {event.title} on {event.device}: {event.n_ratings:,} ratings, "
            f"{event.epochs} epochs"
        )
        self._start(f"epoch {event.done + 1}", event.n_ratings)
        self._training, self._epochs, self._began = event, [], time.perf_counter()

    def _open(self, renderable: RenderableType) -> None:
        self._live = Live(
            renderable, console=self.err, refresh_per_second=10, transient=True,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            if self._epochs and self._training is not None:
                self._live.transient = False
                self._live.update(self._epoch_table(self._epochs[-self._rows() :]))
            self._live.stop()
            self._live = self._bar = None
        self._training, self._epochs = None, []

    def _progress(self, event: Progress) -> None:
        if self._bar is None:
            return
        loss = "" if event.loss is None else f" loss {event.loss:.4f}"
        title = None
        if self._training is not None:
            done = self._epochs[-1].epoch if self._epochs else self._training.done
            title = f"epoch {done + 1}{loss}"
        self._bar.update(
            self._task, completed=event.done, total=event.total,
            description=title,
        )  # fmt: skip

    def _epoch(self, event: EpochResult) -> None:
        self._epochs.append(event)
        if self._live is None:
            self._line("  ".join(f"{name} {value}" for name, value in self._cells(event).items()))
            return
        assert self._bar is not None
        self._bar.update(self._task, completed=0, description=f"epoch {event.epoch + 1}")
        self._live.update(Group(self._epoch_table(self._epochs[-self._rows() :]), self._bar))

    def _rows(self) -> int:
        return max(3, self.err.height - 8)

    def _epoch_table(self, epochs: list[EpochResult]) -> Table:
        table = Table(box=None, pad_edge=False)
        for name in self._cells(epochs[-1]):
            table.add_column(name, justify="right")
        for each in epochs:
            table.add_row(*self._cells(each).values(), style="bold" if each.best else None)
        return table

    def _cells(self, event: EpochResult) -> dict[str, str]:
        total = self._training.epochs if self._training else event.epoch
        cells = {"epoch": f"{event.epoch}/{total}", "train": f"{event.train_loss:.4f}"}
        if event.valid_loss is not None:
            cells["valid"] = f"{event.valid_loss:.4f}"
        cells |= {name: f"{value:.4f}" for name, value in event.metrics.items()}
        seconds = (time.perf_counter() - self._began) / max(1, len(self._epochs))
        cells["seconds"] = f"{event.seconds:.2f}"
        cells["ratings/s"] = f"{event.ratings_per_second:,.0f}"
        cells["left"] = f"{max(0.0, seconds * (total - event.epoch)):.0f}s"
        return cells

    def error(self, message: str) -> None:
        """Show an error, on one line."""
        self._stop()
        self._line(f"error: {message}")

    def result(self, result: Result) -> None:
        """Show what a stage returned: JSON with ``--json``, else tables, or nothing if quiet."""
        self._stop()
        if self.as_json:
            emit(json.dumps(_finite(result.document()), ensure_ascii=False) + "\n")
        elif not self.quiet:
            for table in TABLES[type(result)](result):
                self.out.print(table)


def _finite(value: Any) -> Any:
    """Replace NaN and infinities, which JSON has not, by null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value


def _facts(title: str, facts: dict[str, Any]) -> Table:
    """Return a two-column table, values without content left out."""
    table = Table(title=title, show_header=False, title_justify="left", title_style="bold")
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value not in (None, "", {}, []):
            table.add_row(name, Text(_shown(value)))
    return table


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(_shown(each) for each in value)
    return str(value)


def _fetch(result: FetchResult) -> list[RenderableType]:
    facts = {
        "file": result.out, "format": result.format, "users": result.n_users,
        "items": result.n_items, "ratings": result.n_ratings,
        "values": f"{result.minimum:g} to {result.maximum:g}, mean {result.mean:.4g}",
        "rows read": result.rows_read, "duplicates merged": result.duplicates,
        "below the threshold": result.below_threshold, "filtered out": result.filtered,
        "times": result.has_timestamps, "item names": result.has_item_names,
    }  # fmt: skip
    notice: list[RenderableType] = [Text(result.notice)] if result.notice else []
    return [_facts("fetch", facts), *notice]


def _split(result: SplitResult) -> list[RenderableType]:
    table = Table(
        title=f"split {result.strategy}: {result.n_users:,} users × {result.n_items:,} items",
        title_justify="left", title_style="bold",
    )  # fmt: skip
    for name in ("file", "ratings", "users", "items", "rows of unknown users or items"):
        table.add_column(name, justify="left" if name == "file" else "right")
    for part in result.parts:
        numbers = (part.n_ratings, part.n_users, part.n_items, part.unknown_rows)
        table.add_row(part.path, *(f"{each:,}" for each in numbers))
    return [table]


def _train(result: TrainResult) -> list[RenderableType]:
    facts = {
        "file": result.out, "model": result.model, "objective": result.objective,
        "engine": result.engine, "device": result.device, "epochs": result.epochs,
        "best epoch": result.best_epoch, "stopped by": result.stopped,
        "train loss": result.train_loss, "validation loss": result.valid_loss,
        **result.metrics, "seconds": result.seconds, "history": result.history,
    }  # fmt: skip
    tables: list[RenderableType] = [_facts("train", facts)]
    if len(result.stage_losses) > 1:
        table = Table(title="losses at the end of each stage", title_justify="left")
        for name in result.stage_losses[0]:
            table.add_column(name.replace("_", " "), justify="right")
        for each in result.stage_losses:
            table.add_row(*("" if value is None else _shown(value) for value in each.values()))
        tables.append(table)
    return tables


def _evaluate(result: EvaluateResult) -> list[RenderableType]:
    sampled = result.protocol.get("sampled")
    label = f", SAMPLED: {sampled} candidates a user and the positives" if sampled else ""
    table = Table(title=f"metrics{label}", title_justify="left", title_style="bold")
    table.add_column("metric")
    models = result.models or [{"metrics": result.metrics, "intervals": result.intervals}]
    for each in models:
        table.add_column(Text(each.get("name", "value")), justify="right")
        table.add_column("± standard error", justify="right")
        table.add_column("95 % interval", justify="right")
    for name in result.metrics:
        cells = [cell for each in models for cell in _measured(each, name)]
        table.add_row(name, *cells)
    tables: list[RenderableType] = [table]
    tables.extend(_difference(each, label) for each in result.differences)
    counts = _facts("counts", dict(result.counts))
    return [*tables, _facts("protocol", result.protocol), counts]


def _measured(of: dict[str, Any], name: str) -> tuple[str, str, str]:
    value, spread = of["metrics"].get(name), of["intervals"].get(name)
    if value is None:
        return "", "", ""
    shown = "not defined" if math.isnan(value) else f"{value:.6f}"
    return shown, *(_spread(spread) if spread else ("", ""))


def _spread(of: dict[str, float]) -> tuple[str, str]:
    error = "" if math.isnan(of["standard_error"]) else f"{of['standard_error']:.6f}"
    return error, "" if math.isnan(of["low"]) else f"{of['low']:.6f} to {of['high']:.6f}"


def _difference(of: dict[str, Any], label: str) -> Table:
    title = f"{of['model']} − {of['base']}, paired by user{label}"
    table = Table(title=Text(title), title_justify="left", title_style="bold")
    for name in ("metric", "difference", "± standard error", "95 % interval", "beyond noise"):
        table.add_column(name, justify="left" if name == "metric" else "right")
    for name, each in of["metrics"].items():
        beyond = "yes" if each["beyond_noise"] else "no"
        table.add_row(name, f"{each['difference']:+.6f}", *_spread(each), beyond)
    return table


def _folds(result: FoldsResult) -> list[RenderableType]:
    sampled = result.protocol.get("sampled")
    label = f", SAMPLED: {sampled} candidates a user and the positives" if sampled else ""
    table = Table(title=f"cross-validation{label}", title_justify="left", title_style="bold")
    table.add_column("metric")
    for fold in result.folds:
        table.add_column(fold["fold"], justify="right")
    table.add_column("mean ± sd", justify="right")
    for name, mean in result.mean.items():
        cells = (f"{fold['metrics'][name]:.6f}" for fold in result.folds)
        table.add_row(name, *cells, f"{mean:.6f} ± {result.sd[name]:.6f}")
    return [*_fetch(result.fetch), *_split(result.split), table,
            _facts("protocol", result.protocol)]  # fmt: skip


def _recommend(result: RecommendResult) -> list[RenderableType]:
    facts = {
        "file": result.out, "users": result.n_users, "rows": result.n_rows,
        "unknown users": result.unknown_users, "users with fewer than k": result.short_users,
        "seconds": result.seconds,
    }  # fmt: skip
    if not result.preview:
        return [_facts("recommend", facts)]
    table = Table(title="first recommendations", title_justify="left")
    for name in result.preview[0]:
        table.add_column(name)
    for row in result.preview:
        cells = (f"{each:.4f}" if isinstance(each, float) else str(each) for each in row.values())
        table.add_row(*(Text(cell) for cell in cells))
    return [_facts("recommend", facts), table]


def _inspect(result: InspectResult) -> list[RenderableType]:
    tables: list[RenderableType] = [_facts(f"{result.kind}: {result.path}", result.details)]
    if result.histogram:
        table = Table(title="ratings", title_justify="left")
        table.add_column("value")
        table.add_column("count", justify="right")
        table.add_column("")
        most = max(result.histogram.values())
        for value, count in result.histogram.items():
            table.add_row(value, f"{count:,}", "█" * round(40 * count / most))
        tables.append(table)
    if result.options:
        tables.append(_facts("options", result.options))
    if result.metrics:
        tables.append(_facts("metrics", dict(result.metrics)))
    tables.extend(
        _facts(f"made by {step.get('stage', '?')}", step.get("options", {}) | _inputs(step))
        for step in result.lineage
    )
    return tables


def _inputs(step: dict[str, Any]) -> dict[str, str]:
    """Return one line an input of a lineage's step: what it was, and its SHA-256."""
    return {
        f"input {number}": f"{each.get('name') or each.get('role', '')} sha256 {each.get('sha256')}"
        for number, each in enumerate(step.get("inputs", []), 1)
    }


def _report(result: ReportResult) -> list[RenderableType]:
    facts = {
        "file": result.out, "runs": ", ".join(result.runs), "bytes": result.n_bytes,
        "not there": result.missing, "seconds": result.seconds,
    }  # fmt: skip
    if not result.findings:
        return [_facts("report", facts)]
    table = Table(title="worth knowing", title_justify="left", title_style="bold")
    for name in ("", "run", "finding"):
        table.add_column(name, overflow="fold")
    for each in result.findings:
        table.add_row(*(Text(each[name]) for name in ("level", "run", "message")))
    return [_facts("report", facts), table]


def _run(result: RunResult) -> list[RenderableType]:
    parts = (result.fetch, result.split, result.train, result.evaluate, result.recommend)
    return [table for part in parts for table in TABLES[type(part)](part)]


TABLES: dict[type[Result], Callable[[Any], list[RenderableType]]] = {
    FetchResult: _fetch,
    FoldsResult: _folds,
    SplitResult: _split,
    TrainResult: _train,
    EvaluateResult: _evaluate,
    RecommendResult: _recommend,
    InspectResult: _inspect,
    ReportResult: _report,
    RunResult: _run,
}
