"""inspect knows every file that mfcli writes, and says of others what it can read."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mfcli.artifacts.manifest import Facts
from mfcli.config.watching import LogFormat
from mfcli.console.inspected import inspect_sheets
from mfcli.errors import InputError
from mfcli.events import Noted, Stage, StageEnded, StageStarted
from mfcli.nights.generations import write_manifest
from mfcli.nights.places import Place
from mfcli.nights.status import write_status
from mfcli.report.markup import Html
from mfcli.report.page import section, whole_page
from mfcli.results import InspectResult
from mfcli.stages.inspect import inspect
from mfcli.system import clock
from mfcli.watching.event_log import EventLog
from mfcli.watching.prometheus import Gauges
from tests.console.snapshots import drawn

ZOO = Path(__file__).parent.parent / "zoo/files"
FILES = sorted(
    path
    for path in ZOO.rglob("*")
    if path.is_file() and path.name not in ("expected.json", "_SUCCESS") and "sources" not in
    path.relative_to(ZOO).parts
)  # fmt: skip
FOLDERS = {
    "split": "split",
    "run": "run",
    "run-folds": "run",
    "run-repeats": "run",
    "export": "export",
    "recommendations/parts": "recommendations",
}
SHA = "0" * 64


def shown(result: InspectResult) -> str:
    return drawn(inspect_sheets(result), 100)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ZOO)))
def test_every_file_of_the_zoo_is_known(path):
    result = inspect(path)
    assert result.kind
    json.dumps(result.document())
    # A long path stands on a line of its own.
    assert shown(result).startswith(f"{result.kind}:")


@pytest.mark.parametrize("name", FOLDERS)
def test_every_folder_of_the_zoo_is_known(name):
    result = inspect(ZOO / name)
    assert result.kind == FOLDERS[name]
    shown(result)


@pytest.mark.parametrize(
    ("name", "kind", "details", "others"),
    [
        (
            "tune/best.toml",
            "settings",
            {"mfcli tune": "ndcg@5 0.381753 on validation, trial 1; the defaults: 0.338685"},
            {"options": {"learning-rate": 0.0744}},
        ),
        (
            "tune/best.trials.csv",
            "trials of a search",
            {"trainings": 5, "trials": 3, "rounds": 2, "status": {"ok": 5}, "best trial": "1"},
            {"options": {"negatives": "2"}, "metrics": {}},
        ),
        ("models/staged.history.csv", "history of a training", {"epochs": 3, "stages": 2}, {}),
        ("metrics/per-user.csv", "metrics by user", {"rows": 25, "different user_id": 25}, {}),
        ("export/items.parquet", "vectors of items", {"rows": 20, "factors": 4}, {}),
        ("models/staged.pt", "model", {"users": 30, "items": 20}, {}),
        ("models/text-ids.pt", "model", {"users": 30, "items": 20}, {}),
    ],
)
def test_what_is_in_it_is_shown(name, kind, details, others):
    result = inspect(ZOO / name)
    assert result.kind == kind
    assert details.items() <= result.details.items()
    for field, values in others.items():
        assert values.items() <= getattr(result, field).items()


def test_the_options_of_a_model_are_shown_once():
    text = shown(inspect(ZOO / "models/staged.pt"))
    lines = [line.split()[0] for line in text.splitlines() if line.strip()]
    assert lines.count("learning-rate") == lines.count("optimizer") == 1
    assert "input: ratings.csv" in text


def log(path: Path, form: LogFormat) -> None:
    with EventLog(path, form) as write:
        write(StageStarted(Stage.fetch))
        write(Noted("a note"))
        write(StageEnded(stage=Stage.fetch, seconds=1.0))


def figures(path: Path) -> None:
    gauges = Gauges(path, "fetch")
    gauges(StageEnded(stage=Stage.fetch, seconds=1.0, figures={"n_rows": 3}))
    gauges.write(0, clock.now())


def manifest(path: Path) -> None:
    path.with_suffix(".csv").write_text("x\n")
    facts = Facts("recommendations", {"rows": 3}, [{"stage": "recommend", "options": {"k": 10}}])
    path.write_bytes(facts.describe(path.with_suffix(".csv")))


GENERATION = {
    "number": 3,
    "identity": "abc",
    "figures": {"rows": 1000, "users": 30, "metrics": {"ndcg@10": 0.3}},
    "files": {"model.pt": {"sha256": SHA, "bytes": 12_345}},
    "times": {"published": 1_764_200_000.0},
    "gates": [{"passed": True, "sentence": "rows: 1000 tonight"}],
}
STATUS = {
    "status": "refused",
    "exit_status": 6,
    "reason": "rows fell",
    "times": {"started": "2026-11-27T01:00:00Z"},
    "gates": [{"passed": False, "sentence": "rows: 10 tonight, 1000 the last time"}],
}


def report(path: Path) -> None:
    path.write_text(whole_page("a run", Html(""), [section("Metrics", Html(""))], "0.1.0"))


def generation(path: Path) -> None:
    write_manifest(path.parent, GENERATION)
    (path.parent / "manifest.json").rename(path)


def status(path: Path) -> None:
    write_status(Place(path.parent), STATUS)
    (path.parent / "latest.json").rename(path)


MADE: dict[str, tuple[Callable[[Path], None], str, dict[str, Any]]] = {
    "json log": (
        functools.partial(log, form=LogFormat.json),
        "log",
        {"lines": 3, "stages": ["fetch"]},
    ),
    "text log": (functools.partial(log, form=LogFormat.text), "log", {"format": "text"}),
    "figures": (figures, "figures for Prometheus", {"command": "fetch"}),
    "manifest": (manifest, "manifest of recommendations", {"rows": 3, "bytes": 2}),
    "generation": (
        generation,
        "generation",
        {"rows": 1000, "gates passed": 1, "bytes": 12_345},
    ),
    "status": (
        status,
        "status of the last night",
        {"status": "refused", "refused by": ["rows: 10 tonight, 1000 the last time"]},
    ),
    "report": (report, "report", {"title": "a run", "sections": ["Metrics"]}),
}


@pytest.mark.parametrize("name", MADE)
def test_what_a_machine_reads_is_shown_to_people(tmp_path, name):
    make, kind, details = MADE[name]
    make(tmp_path / "made")
    result = inspect(tmp_path / "made")
    assert result.kind == kind
    assert details.items() <= result.details.items()
    shown(result)


def test_a_generation_and_a_folder_of_nights_are_shown(tmp_path):
    folder = tmp_path / "generations/20261127T000000Z"
    folder.mkdir(parents=True)
    write_manifest(folder, GENERATION)
    place = Place(tmp_path)
    place.switch(folder.name)
    write_status(place, STATUS)
    assert inspect(folder).kind == "generation"
    result = inspect(tmp_path)
    assert result.kind == "nights"
    assert result.details["current"] == folder.name
    assert result.details["last run"] == "refused"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"junk",
        b"{}",
        b"[1]",
        b'{"a": 1}',
        b"a,b,c\n1,2,3\n",
        b"user_id,item_id,stars\n1,2,3\n",
        b"<!DOCTYPE html><title>x</title>",
        b"# HELP mfcli_x\n",
        b"# mfcli tune: x\n[tune]\n",
        b"# mfcli tune: \xff\n",
        b"epoch,stage,learning_rate,train_loss\n1,2\n",
        b"search,trial,rung,epochs,status\n",
        b'{"time": "x"\n',
        b"PK\x03\x04",
        b"PAR1",
        b"\x1f\x8b",
    ],
)
def test_a_file_that_is_not_ours_is_refused_in_one_line(cli, tmp_path, content):
    (tmp_path / "f").write_bytes(content)
    result = cli("inspect", tmp_path / "f")
    assert result.exit_code in ((0, 3) if content.startswith(b"search,") else (3,))
    assert len(result.stderr.splitlines()) <= 1


def test_what_can_be_read_is_named_where_a_file_is_not_ours(tmp_path):
    for path in (tmp_path, tmp_path / "f"):
        (tmp_path / "f").write_bytes(b"junk")
        with pytest.raises(InputError, match=r"inspect reads interactions .* and folders of these"):
            inspect(path)


TEXTS = [path for path in FILES if path.suffix in (".csv", ".json", ".toml", ".jsonl")]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TEXTS), st.floats(0, 1), st.binary(max_size=3))
@example(ZOO / "tune/best.trials.csv", 0.109375, b"")  # a row with more cells than the header
def test_a_damaged_text_is_shown_or_refused(tmp_path_factory, path, part, put):
    content = path.read_bytes()
    at = int(part * len(content))
    damaged = tmp_path_factory.getbasetemp() / "damaged"
    damaged.write_bytes(content[:at] + put + content[at + 4 :])
    with contextlib.suppress(InputError):
        shown(inspect(damaged))
