"""The screen: live progress on a terminal, plain lines elsewhere, tables or JSON at the end.

Tables go to standard output; progress, notes, warnings and errors to standard error.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, ProgressColumn, Task, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from mfcli.codes import WARNINGS
from mfcli.console.folding import plain
from mfcli.console.live import epoch_cells, epoch_sheet, trial_cells, trial_sheet
from mfcli.console.pages import PAGES
from mfcli.console.sheets import Sheet, console_of
from mfcli.console.tables import SHEETS
from mfcli.events import (
    BudgetStarted,
    EpochResult,
    Event,
    Judged,
    Noted,
    Progress,
    StageEnded,
    StageStarted,
    Started,
    TrainingStarted,
    TrialResult,
    TuningStarted,
    Warned,
)
from mfcli.results import HelpResult, Result, without_nan
from mfcli.system.streams import emit, standard_error
from mfcli.wording import counted, duration, figure, size


def _nothing(_: Event) -> None:
    """Show nothing: the event is for a log."""


class _Amount(ProgressColumn):
    """How much is done of how much: 11,915 of 29,788, or 1.2 MB of 3.4 MB."""

    def render(self, task: Task) -> Text:
        """Return it in words; a total that is not known is left out."""
        say = size if task.fields["unit"] == "bytes" else "{:,.0f}".format
        amounts = [task.completed] if task.total is None else [task.completed, task.total]
        return Text(" of ".join(map(say, amounts)), style="progress.download")


class Screen:
    """Shows the events of a stage as they come, and its result at the end.

    On a terminal, a live display redraws itself; elsewhere, one plain line an epoch or a stage.
    """

    def __init__(
        self,
        *,
        as_json: bool,
        quiet: bool,
        data_on_stdout: bool,
        warned: list[Warned] | None = None,
    ) -> None:
        """Choose where tables go: standard error, where standard output holds data or JSON.

        warned: receives the warnings, each once, those that ``quiet`` does not show as well.
        """
        self.out = console_of(standard_error() if data_on_stdout else sys.stdout)
        self.err = Console(
            file=standard_error(),
            soft_wrap=True,
            highlight=False,
            # Colours that are forced upon a pipe do not make it a terminal.
            force_terminal=None if standard_error().isatty() else False,
        )
        self.as_json, self.quiet = as_json, quiet
        self.warned: list[Warned] = [] if warned is None else warned
        self._live: Live | None = None
        self._bar: Bar | None = None
        self._task: Any = None
        self._training: TrainingStarted | None = None
        self._epochs: list[EpochResult] = []
        self._tuning: TuningStarted | BudgetStarted | None = None
        self._trials: list[TrialResult] = []
        self._began = 0.0
        self._shows: dict[type[Event], Callable[[Any], None]] = {
            StageStarted: _nothing,
            StageEnded: _nothing,
            Judged: _nothing,
            Noted: lambda event: self._line(event.message),
            Started: lambda event: self._start(event.title, event.total, event.unit),
            Progress: self._progress,
            TrainingStarted: self._start_training,
            EpochResult: self._epoch,
            TuningStarted: self._start_tuning,
            BudgetStarted: self._start_budget,
            TrialResult: self._trial,
        }

    def __enter__(self) -> Self:
        """Enter."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the live display down, whatever happened."""
        self._stop()

    def show(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, Warned):
            self._warn(event)
        elif not self.quiet:
            self._shows[type(event)](event)

    def _warn(self, event: Warned) -> None:
        """Show a warning when it comes first; ``run`` meets some of them in several stages."""
        if event in self.warned:
            return
        self.warned.append(event)
        if not (self.quiet and WARNINGS[event.code].advice):
            self._line(f"warning: {event.message} [{event.code}]")

    def _line(self, text: str) -> None:
        console = self._live.console if self._live else self.err
        console.print(Text(plain(text)), soft_wrap=True)

    def _start(self, title: str, total: int | None, unit: str | None = None) -> None:
        self._stop()
        if not self.err.is_terminal:
            return
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            _Amount(),
            TaskProgressColumn(),
            console=self.err,
            transient=True,
        )
        self._task = self._bar.add_task(title, total=total, unit=unit)
        self._open(self._bar)

    def _start_training(self, event: TrainingStarted) -> None:
        self._stop()
        self._line(
            f"training {event.title} on {event.device}: {counted(event.n_ratings, 'rating')}, "
            f"{counted(event.epochs, 'epoch')}"
        )
        if event.by_data:
            options = ", ".join(f"{name} {it}" for name, it in event.by_data.items())
            self._line(f"by the data, unless given: {options}")
        self._start(f"epoch {event.done + 1}", event.n_ratings)
        self._training, self._epochs, self._began = event, [], time.perf_counter()

    def _open(self, renderable: RenderableType) -> None:
        self._live = Live(
            renderable,
            console=self.err,
            refresh_per_second=10,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            if self._epochs and self._training is not None:
                self._live.transient = False
                self._live.update(self._epoch_sheet())
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
        self._bar.update(self._task, completed=event.done, total=event.total, description=title)

    def _epoch(self, event: EpochResult) -> None:
        self._epochs.append(event)
        if self._live is None:
            self._line("  ".join(f"{name} {value}" for name, value in self._cells(event).items()))
            return
        assert self._bar is not None
        self._bar.update(self._task, completed=0, description=f"epoch {event.epoch + 1}")
        self._live.update(Group(self._epoch_sheet(), self._bar))

    def _start_tuning(self, event: TuningStarted) -> None:
        self._stop()
        self._line(
            f"tuning {event.title}: {counted(event.trials, 'trial')}, "
            f"{counted(event.rungs, 'round')}"
        )
        self._start("trainings", None)
        self._tuning, self._trials = event, []

    def _start_budget(self, event: BudgetStarted) -> None:
        self._stop()
        self._line(
            f"searching for the best {event.metric} in {duration(event.seconds)}: "
            f"{counted(event.n_ratings, 'rating')} to train on, {event.n_validation:,} to "
            "measure on"
        )
        self._start("trainings", None)
        self._tuning, self._trials = event, []

    def _trial(self, event: TrialResult) -> None:
        assert self._tuning is not None
        metric = self._tuning.metric
        rungs = self._tuning.rungs if isinstance(self._tuning, TuningStarted) else None
        self._trials.append(event)
        ranked = [trial for trial in self._trials if trial.value is not None]
        ranked.sort(key=lambda trial: trial.value or 0.0, reverse=not self._tuning.lower_is_better)
        if self._live is None:
            cells = trial_cells(event, metric, rungs)
            if ranked:
                cells["best"] = figure(ranked[0].value)
            self._line("  ".join(f"{name} {value}" for name, value in cells.items()))
            return
        assert self._bar is not None
        self._bar.update(self._task, completed=len(self._trials))
        if ranked:
            best = trial_sheet(ranked[: min(10, self._rows())], metric, rungs, "best so far")
            self._live.update(Group(best, self._bar))

    def _rows(self) -> int:
        return max(3, self.err.height - 8)

    def _epoch_sheet(self) -> Sheet:
        epochs = self._epochs[-self._rows() :]
        best = frozenset(at for at, epoch in enumerate(epochs) if epoch.best)
        return epoch_sheet([self._cells(epoch) for epoch in epochs], best)

    def _cells(self, event: EpochResult) -> dict[str, str]:
        total = self._training.epochs if self._training else event.epoch
        seconds = (time.perf_counter() - self._began) / max(1, len(self._epochs))
        return epoch_cells(event, total, max(0.0, seconds * (total - event.epoch)))

    def show_next(self, command: str | None) -> None:
        """Name the command that comes next, to a person at a terminal only."""
        terminals = self.out.is_terminal and self.err.is_terminal and self.out.file is sys.stdout
        if command is not None and terminals and not (self.quiet or self.as_json):
            self._line(f"next: {command}")

    def show_result(self, result: Result, about: dict[str, Any]) -> None:
        """Show what a stage returned: JSON with ``--json``, else tables, or nothing if quiet.

        about: what the document says of the command, behind what it says of the result.
        """
        self._stop()
        if self.as_json:
            document = without_nan(result.document() | about)
            emit(json.dumps(document, ensure_ascii=False) + "\n")
        elif not self.quiet:
            sheets = PAGES.get(type(result)) or SHEETS[type(result)]
            if isinstance(result, HelpResult) and self._page(sheets(result)):
                return
            self._print(sheets(result))

    def _print(self, sheets: Iterable[RenderableType]) -> None:
        for number, sheet in enumerate(sheets):
            if number:
                self.out.print()
            self.out.print(sheet, crop=False)

    def _page(self, sheets: Iterable[RenderableType]) -> bool:
        """Show a page that is longer than the terminal in a pager; False where there is none."""
        from mfcli.system.pager import page, pager  # few commands need it

        command = pager() if self.out.is_terminal and self.out.file is sys.stdout else None
        if command is None:
            return False
        with self.out.capture() as taken:
            self._print(sheets)
        return taken.get().count("\n") >= self.out.height and page(taken.get(), command)
