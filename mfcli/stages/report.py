"""``mfcli report``: folders of runs, or a folder of nights → one HTML page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from mfcli import __version__
from mfcli.artifacts import atomic_file, file_sha256, lineage_entry, output_lock, real_output
from mfcli.artifacts.manifest import Facts
from mfcli.errors import UsageError
from mfcli.events import OnEvent, Stage, Started, ignore
from mfcli.nights.history import holds_nights, read_nights
from mfcli.nights.page import render_nights
from mfcli.report.data import Run
from mfcli.report.findings import Finding
from mfcli.report.folder import read_run
from mfcli.report.page import render_page
from mfcli.results import ReportResult
from mfcli.stages.telling import begin, end
from mfcli.system.streams import printable


def report(
    folders: Sequence[Path],
    out: Path,
    *,
    users: int = 5,
    wait: float = 0.0,
    manifest: bool = False,
    on_event: OnEvent = ignore,
) -> ReportResult:
    """Write one page on the runs in ``folders``, with ``users`` users of each as examples.

    wait: seconds to wait for another run that holds the output; manifest: write one beside it.
    A folder of mfcli nightly, alone, gives a page on its last nights.

    Raises UsageError, LockedError; InputError for a folder without a run, or a damaged file.
    """
    began = begin(Stage.report, on_event)
    if users < 0:
        raise UsageError(f"--users {users} should be 0 or more")
    real_output(out)
    with output_lock(out, wait):
        on_event(Started("report", len(folders), "runs"))
        names = _name_runs(folders)
        if any(map(holds_nights, folders)):
            text, found = _page_on_nights(folders, names)
            runs: list[Run] = []
        else:
            text, found, runs = _page_on_runs(folders, names, users)
        content = printable(text).encode()
        files = [path for folder in folders if (path := folder / "metrics.json").is_file()]
        read = [{"role": "metrics", "sha256": file_sha256(path)} for path in files]
        step = lineage_entry("report", {"users": users}, read)
        facts = Facts("report", {"folders": len(folders)}, [step])
        with atomic_file(out, facts.describe if manifest else None) as stream:
            stream.write(content)
    result = ReportResult(
        out=str(out),
        runs=names,
        missing={run.name: run.missing for run in runs if run.missing},
        findings=[
            {"level": finding.level, "run": finding.run, "message": finding.message}
            for finding in found
        ],
        n_bytes=len(content),
        seconds=time.perf_counter() - began,
    )
    return end(Stage.report, began, result, on_event)


def _page_on_nights(folders: Sequence[Path], names: list[str]) -> tuple[str, list[Finding]]:
    if len(folders) > 1:
        raise UsageError("a folder of mfcli nightly has a page of its own: name it alone")
    return render_nights(names[0], read_nights(folders[0]), __version__)


def _page_on_runs(
    folders: Sequence[Path], names: list[str], users: int
) -> tuple[str, list[Finding], list[Run]]:
    runs: list[Run] = []
    for folder, name in zip(folders, names, strict=True):
        # The users of the first run, so that their lists compare.
        shown = next(
            ([example.user for example in run.examples] for run in runs if run.examples), []
        )
        runs.append(read_run(folder, name, users, shown))
    text, found = render_page(runs, __version__)
    return text, found, runs


def _name_runs(folders: Sequence[Path]) -> list[str]:
    """Return the folders' base names, numbered where two are the same."""
    names: list[str] = []
    for folder in folders:
        base = folder.resolve().name or "run"
        name, number = base, 2
        while name in names:
            name, number = f"{base} ({number})", number + 1
        names.append(name)
    return names
