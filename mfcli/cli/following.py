"""Which command comes next: after a stage, and where mfcli is called alone in a folder."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

# The options and arguments of a command that was run.
Given = Mapping[str, Any]


def after(command: str, given: Given) -> str | None:
    """Return the command that comes next, or None; given: of the command that has ended."""
    find = _NEXT.get(command)
    return None if find is None else find(given)


def alone(folder: Path) -> str | None:
    """Return what lies in a folder and what can be done with it; None where nothing is known."""
    from mfcli.stages.contact import look_around  # commands do without

    seen = look_around(folder)
    if not seen:
        return None
    lines = ["In this folder, and what comes next:", ""]
    for it in seen:
        lines += [f"  {it.name}: {it.what}", f"      {it.command}"]
    return "\n".join([*lines, "", "mfcli -h lists the commands, mfcli help the pages.", ""])


def _line(*words: object) -> str:
    return shlex.join(["mfcli", *map(str, words)])


def _split(given: Given) -> str:
    out, config = Path(given["out"]), given["config"]
    if config.folds:
        return _line("train", out / "fold1/train.npz", "--out", "model.pt")
    watched = ("--valid", out / "valid.npz", "--patience", "3") if config.valid else ()
    return _line("train", out / "train.npz", *watched, "--out", "model.pt")


def _train(given: Given) -> str:
    test = given["matrix"].with_name("test.npz")
    if given["matrix"].name == "train.npz" and test.is_file():
        return _line("evaluate", given["out"], test, "--out", "metrics.json")
    return _line("recommend", given["out"], "--out", "recommendations.csv")


def _nightly(given: Given) -> str | None:
    if any(given[name] for name in ("rollback", "listed", "forget", "since")):
        return None  # no night was made
    return _line("nightly", given["file"], *(() if given["dry_run"] else ("--list",)))


# Command → what comes next, of its options and arguments.
_NEXT: dict[str, Callable[[Given], str | None]] = {
    "fetch": lambda given: _line("split", given["out"], "--out", "split"),
    "split": _split,
    "train": _train,
    "tune": lambda given: _line(
        "train", given["matrix"], "--config", given["out"], "--out", "model.pt"
    ),
    "evaluate": lambda given: _line("recommend", given["files"][0], "--out", "recommendations.csv"),
    "recommend": lambda _: _line("help", "nightly"),
    "run": lambda given: _line("report", given["out"], "--out", "report.html"),
    "nightly": _nightly,
}
