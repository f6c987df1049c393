"""What a machine watches a run by: the log of events, and figures for Prometheus."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import typing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfcli.codes import WarningCode
from mfcli.config.watching import LogFormat
from mfcli.events import Event, Noted, Progress, Stage, StageEnded, StageStarted, Warned
from mfcli.watching.event_log import NAMES, EventLog, fields_of, line_of
from mfcli.watching.prometheus import HELP, Metric, exposition

SAMPLE = ["--users", "60", "--items", "40", "--ratings", "900"]
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_every_event_has_a_name_in_the_log():
    assert set(NAMES) == set(typing.get_args(Event))
    assert len(set(NAMES.values())) == len(NAMES)


@pytest.mark.parametrize("kind", LogFormat)
@given(text=st.text(), number=st.floats(), key=st.sampled_from(["a", "b"]))
def test_an_event_is_one_line_whatever_it_holds(kind, text, number, key):
    content = {"message": text, "value": number, "table": {key: number}, "all": [text]}
    line = line_of(kind, datetime(2026, 11, 26, tzinfo=UTC), "fetch", "note", content)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    if kind is LogFormat.json:
        found = json.loads(line)
        assert found["fields"]["message"] == text
        assert [*found] == ["time", "stage", "event", "fields"]
    else:
        assert line.startswith("2026-11-26T00:00:00.000Z fetch note message=")
        assert len(line.splitlines()) == 1


def test_a_line_carries_the_innermost_stage_and_progress_comes_once_a_minute(tmp_path):
    with EventLog(tmp_path / "log", LogFormat.json, stage="run") as log:
        log(Noted("before"))
        for event in (StageStarted(Stage.run), StageStarted(Stage.fetch)):
            log(event)
        for _ in range(50):
            log(Progress(1, 2))
        log(StageEnded(stage=Stage.fetch, seconds=1.0, figures={"n_users": 3}))
        log(Noted("between"))
        log(StageStarted(Stage.split))  # ends without a word: it was refused
        log(StageEnded(stage=Stage.run, seconds=2.0))
        log(Warned(WarningCode.cold, "after"))
    found = [(line["stage"], line["event"]) for line in read(tmp_path / "log")]
    assert found == [
        ("run", "note"),
        ("run", "stage-started"),
        ("fetch", "stage-started"),
        ("fetch", "stage-ended"),
        ("run", "note"),
        ("split", "stage-started"),
        ("run", "stage-ended"),
        ("run", "warning"),
    ]


def test_a_text_line_is_for_people_and_for_cut(tmp_path):
    with EventLog(tmp_path / "log") as log:
        log(StageStarted(Stage.train))
        log(Warned(WarningCode.cold, 'two words, a "quote"'))
        figures = {"rows": 3, "metrics": {"ndcg@10": 0.25}, "out": "m.pt"}
        log(StageEnded(stage=Stage.train, seconds=0.5, figures=figures))
    lines = (tmp_path / "log").read_text().splitlines()
    assert re.fullmatch(TIME + " train stage-started", lines[0])
    assert lines[1].endswith(r'train warning code=W-cold message="two words, a \"quote\""')
    assert lines[2].endswith(
        "stage-ended seconds=0.5 figures.rows=3 figures.metrics.ndcg@10=0.25 figures.out=m.pt"
    )


def test_the_file_is_opened_again_after_it_was_renamed_or_removed(tmp_path):
    path = tmp_path / "log"
    with EventLog(path, LogFormat.json) as log:
        log(Noted("one"))
        path.rename(tmp_path / "log.1")
        log(Noted("two"))
        path.unlink()
        log(Noted("three"))
        os.truncate(path, 0)  # copytruncate
        log(Noted("four"))
    assert [line["fields"]["message"] for line in read(tmp_path / "log.1")] == ["one"]
    assert [line["fields"]["message"] for line in read(path)] == ["four"]


def test_lost_lines_are_told_once_and_end_nothing(tmp_path):
    told: list[str] = []
    folder = tmp_path / "logs"
    folder.mkdir()
    with EventLog(folder / "log", on_trouble=told.append) as log:
        (folder / "log").unlink()
        folder.rmdir()
        log(Noted("one"))
        log(Noted("two"))
    assert len(told) == 1
    assert str(folder / "log") in told[0]


def test_what_is_not_shown_of_an_event_is_not_in_its_fields():
    for kind in typing.get_args(Event):
        assert dataclasses.is_dataclass(kind)
    assert fields_of(Progress(1, None)) == {"done": 1}


@pytest.mark.parametrize("format", LogFormat)
def test_every_command_appends_its_events(cli, tmp_path, format):
    log = tmp_path / "mfcli.log"
    logged = ["--log-file", log, "--log-format", str(format)]
    matrix = tmp_path / "data.npz"
    assert cli("fetch", "demo", *SAMPLE, "--out", matrix, *logged).exit_code == 0
    assert cli("split", matrix, "--out", tmp_path, "--n", "9999", *logged).exit_code == 3
    text = log.read_text()
    if format is LogFormat.text:
        assert re.search(f"^{TIME} fetch stage-ended seconds=.* figures.n_users=60", text, re.M)
        assert re.search(f"^{TIME} split failed status=3 seconds=.* message=", text, re.M)
        return
    lines = read(log)
    assert [lines[0][name] for name in ("stage", "event")] == ["fetch", "started"]
    ended = [line["fields"]["status"] for line in lines if line["event"] in ("ended", "failed")]
    assert ended == [0, 3]


def test_run_names_the_stage_of_each_line(cli, tmp_path):
    log = tmp_path / "log"
    small = ["--config", tmp_path / "run.toml"]
    (tmp_path / "run.toml").write_text(
        "[fetch]\nusers = 60\nitems = 40\nratings = 900\n[split]\nn = 3\n"
        "[train]\nepochs = 2\nfactors = 4\n[recommend]\nk = 3\n"
    )
    done = cli("run", "demo", "--out", tmp_path / "run", *small, "--log-file", log,
               "--log-format", "json")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    lines = read(log)
    ended = [line["stage"] for line in lines if line["event"] == "stage-ended"]
    assert ended == ["fetch", "split", "train", "evaluate", "train", "recommend", "run"]
    epochs = [line for line in lines if line["event"] == "epoch"]
    assert {line["stage"] for line in epochs} == {"train"}
    measured = next(
        line for line in lines if (line["stage"], line["event"]) == ("evaluate", "stage-ended")
    )
    assert "rmse" in measured["fields"]["figures"]["metrics"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--log-file", "-"], "/dev/stderr"),
        (["--log-file", "data.npz"], "read or written"),
        (["--log-file", "new.npz"], "read or written"),
        (["--log-file", "."], "is a folder"),
        (["--log-format", "json"], "--log-file"),
        (["--log-file", "log", "--log-format", "jsn"], "json"),
        (["--metrics-file", "metrics.txt"], ".prom"),
        (["--metrics-file", "folder.prom"], "is a folder"),
    ],
)
def test_a_log_that_cannot_be_is_refused_before_work_begins(
    cli, tmp_path, monkeypatch, options, words
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.npz").write_bytes(b"mine")
    (tmp_path / "folder.prom").mkdir()
    result = cli("fetch", "data.npz", "--out", "new.npz", *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert (tmp_path / "data.npz").read_bytes() == b"mine"
    assert {path.name for path in tmp_path.iterdir()} == {"data.npz", "folder.prom"}


NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parse_exposition(text: str) -> Series:
    """Read Prometheus' text format 0.0.4, strictly: name and labels → value.

    Every metric has one HELP, then one TYPE, then all its samples; no series comes twice; the last
    line has its end.
    """
    assert text.endswith("\n")
    found: Series = {}
    helped: list[str] = []
    typed: list[str] = []
    for line in text[:-1].split("\n"):
        if match := re.fullmatch(rf"# HELP ({NAME}) (\S.*)", line):
            assert match[1] not in helped
            helped.append(match[1])
            continue
        if match := re.fullmatch(rf"# TYPE ({NAME}) (?:gauge|counter)", line):
            assert match[1] == helped[-1]
            typed.append(match[1])
            continue
        match = re.fullmatch(rf"({NAME})\{{((?:{LABEL}(?:,{LABEL})*)?)\}} (\S+)", line)
        assert match, line
        assert match[1] == typed[-1] == helped[-1]
        labels = tuple(
            (part.split("=", 1)[0], part.split("=", 1)[1]) for part in re.findall(LABEL, match[2])
        )
        assert len(dict(labels)) == len(labels)
        assert (match[1], labels) not in found
        found[match[1], labels] = float(match[3])
    return found


def values_of(series: Series, name: str) -> dict[str, float]:
    """Return the values of a metric by the last of their labels."""
    return {
        labels[-1][1].strip('"'): value for (metric, labels), value in series.items()
        if metric == name
    }  # fmt: skip


@given(text=st.text(), value=st.floats(allow_nan=False))
def test_any_label_and_number_is_well_formed(text, value):
    labels = (("name", "x"), ("code", text))
    written = exposition({Metric.warnings: {labels: value}})
    ((_, found), number) = next(iter(parse_exposition(written).items()))
    raw = found[1][1][1:-1]
    assert re.sub(r"(?s)\\(.)", lambda it: {"n": "\n"}.get(it[1], it[1]), raw) == text
    assert number == value


def test_every_metric_has_a_help():
    assert list(HELP) == list(Metric)


def test_metrics_of_a_pipeline(cli, tmp_path):
    def call(*words: Any, status: int = 0) -> Series:
        path = tmp_path / f"{words[0]}.prom"
        done = cli(*words, "--metrics-file", path)
        assert done.exit_code == status, done.stderr
        found = parse_exposition(path.read_text())
        assert values_of(found, "mfcli_exit_status") == {words[0]: float(status)}
        return found

    data, model, out = (tmp_path / name for name in ("data.npz", "m.pt", "recs.csv"))
    fetched = call("fetch", "demo", *SAMPLE, "--out", data)
    assert values_of(fetched, "mfcli_rows") == {"fetch": 900}
    assert values_of(fetched, "mfcli_users") == {"fetch": 60}
    call("split", data, "--out", tmp_path, "--n", "3")
    train = ["--epochs", "2", "--factors", "4", "--mode", "implicit"]
    call("train", tmp_path / "train.npz", "--out", model, *train)
    measured = call("evaluate", model, tmp_path / "test.npz")
    assert {"ndcg@10", "auc"} <= set(values_of(measured, "mfcli_quality"))
    assert values_of(measured, "mfcli_stage_seconds")["evaluate"] > 0
    first = call("recommend", model, "--out", out, "--max-churn", "1", "--k", "5")
    assert values_of(first, "mfcli_users") == {"recommend": 60}
    again = call("recommend", model, "--out", out, "--max-churn", "1", "--k", "5")
    assert values_of(again, "mfcli_churn_ratio") == {"recommend": 0}
    success = "mfcli_last_success_timestamp_seconds"
    failed = call("recommend", model, "--out", out, "--min-users", "999", status=6)
    assert values_of(failed, success) == values_of(again, success)
    broken = call("recommend", tmp_path / "none.pt", "--out", out, status=3)
    assert values_of(broken, success) == values_of(again, success)
    assert values_of(broken, "mfcli_rows") == {}
    last = call("recommend", model, "--out", out)
    assert values_of(last, success)["recommend"] > values_of(again, success)["recommend"]


def test_a_metrics_file_that_cannot_be_written_warns_and_ends_nothing(cli, tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "x.prom"
    done = cli("fetch", "demo", *SAMPLE, "--out", tmp_path / "d.npz", "--metrics-file", path)
    assert done.exit_code == 0
    assert "[W-log]" in done.stderr
