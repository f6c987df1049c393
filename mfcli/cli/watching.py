"""Who watches a command besides the person at the screen: its log, and the document of --json."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mfcli import __version__
from mfcli.config.options import coerce
from mfcli.config.watching import LogFormat
from mfcli.errors import MfcliError, UsageError
from mfcli.system import clock
from mfcli.system.streams import standard_error

if TYPE_CHECKING:  # help does without
    from mfcli.codes import WarningCode
    from mfcli.events import Event, Judged, OnEvent, Warned
    from mfcli.watching.event_log import EventLog
    from mfcli.watching.prometheus import Gauges


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """The options of every command that say who is told what happens."""

    log_file: Path | None = None
    log_format: LogFormat = LogFormat.text
    metrics_file: Path | None = None

    @classmethod
    def of(cls, log_file: Path | None, log_format: str | None, metrics_file: Path | None) -> Self:
        """Return the options as the command line gives them; raises UsageError."""
        lines = coerce("--log-format", log_format or LogFormat.text, LogFormat, "")
        if log_format is not None and log_file is None:
            raise UsageError("--log-format has no meaning without --log-file")
        if metrics_file is not None and metrics_file.suffix != ".prom":
            raise UsageError(
                f"--metrics-file {metrics_file} should end with .prom: Prometheus reads no other"
            )
        return cls(log_file=log_file, log_format=lines, metrics_file=metrics_file)

    def check(self, values: Iterable[Any]) -> None:
        """Refuse a file that the command reads or writes; raises UsageError.

        values: those of the command's arguments and options, among which are its files.
        """
        if str(self.log_file) == "-":
            raise UsageError("--log-file - cannot be used here: name a file, or /dev/stderr")
        lists = [value if isinstance(value, list | tuple) else [value] for value in values]
        named = [each for found in lists for each in found if isinstance(each, str | Path)]
        own = {"--log-file": self.log_file, "--metrics-file": self.metrics_file}
        for name, path in own.items():
            if path is None:
                continue
            if path.is_dir():
                raise UsageError(f"{name} {path} is a folder: name a file")
            if os.path.realpath(path) in map(os.path.realpath, named):
                raise UsageError(
                    f"{name} {path} is read or written by the command: name another file"
                )


class Watch:
    """Knows the command that runs, what it warned of and which gates it met, from begin to end.

    ``warned`` is filled by the screen, which tells each warning once.
    """

    def __init__(self) -> None:
        """Note the time; nothing is known of the command yet."""
        self.started = clock.now()
        self.command: str | None = None
        self.warned: list[Warned] = []
        self.gates: list[Judged] = []
        self._log: EventLog | None = None
        self._gauges: Gauges | None = None
        self._show: OnEvent | None = None

    def begin(self, command: str, options: WatchOptions) -> None:
        """Open the log; raises OSError where that cannot be."""
        self.command = command
        if options.metrics_file is not None:
            from mfcli.watching.prometheus import Gauges  # help does without

            self._gauges = Gauges(options.metrics_file, command)
        if options.log_file is None:
            return
        from mfcli.watching.event_log import EventLog  # help does without

        self._log = EventLog(
            options.log_file, options.log_format, stage=command, on_trouble=self._lost
        )
        self._log.write("started", {"version": __version__, "process": os.getpid()})

    def beside(self, show: OnEvent, ignored: Collection[WarningCode]) -> OnEvent:
        """Return a receiver of events that ``show`` and the watch get, but for warnings ignored."""
        from mfcli.events import to_all, without

        self._show = without(ignored, show)
        return to_all(self._show, without(ignored, self._receive))

    def _receive(self, event: Event) -> None:
        from mfcli.events import Judged

        if isinstance(event, Judged):
            self.gates.append(event)
        if self._log is not None:
            self._log(event)
        if self._gauges is not None:
            self._gauges(event)

    def end(self, status: int, message: str | None) -> None:
        """Write how the command ended; message: what went wrong, where something did."""
        if self._gauges is not None:
            try:
                self._gauges.write(status, self.started)
            except (OSError, MfcliError) as error:
                self._lost(f"--metrics-file {self._gauges.path}: is not written: {error}")
        if self._log is None:
            return
        seconds = round((clock.now() - self.started).total_seconds(), 3)
        told = {} if message is None else {"message": message}
        self._log.write(
            "ended" if message is None else "failed", {"status": status, "seconds": seconds} | told
        )
        self._log.close()

    def document(self) -> dict[str, Any]:
        """Return what every document of --json says of the command."""
        return {
            "version": __version__,
            "command": self.command,
            "start": clock.stamp(self.started),
            "end": clock.stamp(clock.now()),
            "warnings": [warning.document() for warning in self.warned],
            "gates": [asdict(gate) for gate in self.gates],
        }

    def _lost(self, message: str) -> None:
        """Warn of a file that cannot be written: it must not end the command."""
        from mfcli.codes import WarningCode
        from mfcli.events import Warned

        if self._show is None:  # the command's options were wrong
            standard_error().write(f"warning: {message} [{WarningCode.log}]\n")
        else:
            self._show(Warned(WarningCode.log, message))
