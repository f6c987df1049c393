"""Standard streams that are closed, full, or of an old encoding."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from mfcli import console
from mfcli.errors import InputError, SystemRefusedError
from mfcli.events import EpochResult, Progress, Started, TrainingStarted
from mfcli.system.streams import emit, standard_error, standard_input, standard_output
from tests.helpers import from_triples
from tests.models_on_disk import write_model

MFCLI = [sys.executable, "-m", "mfcli"]


def run(command: str, unbuffered: str) -> tuple[int, str]:
    """Run a line of a shell, in which $MFCLI stands for mfcli: (status, standard error)."""
    line = f"set -o pipefail; {command}".replace("$MFCLI", " ".join(MFCLI))
    result = subprocess.run(
        ["bash", "-c", line],
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONUNBUFFERED": unbuffered,
            "PYTHONPATH": str(Path(console.__file__).parents[2]),
        },
    )
    return result.returncode, result.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("$MFCLI --help | true", 0, ""),
        ("$MFCLI --version | true", 0, ""),
        ("$MFCLI inspect nofile --json | true", 3, "error: nofile: no such file\n"),
        ("$MFCLI --version >/dev/full", 8, "error: the disk is full: make room\n"),
        ("$MFCLI --version >&-", 8, "error: standard output is closed: name a file\n"),
        ("$MFCLI inspect nofile 2>/dev/full", 3, ""),
        ("$MFCLI inspect nofile 2>&-", 3, ""),
    ],
)
def test_a_stream_that_fails_leaves_the_status_right(command, status, said, unbuffered):
    assert run(command, unbuffered) == (status, said)


def test_closed_streams_are_named(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(InputError, match="standard input is closed"):
        standard_input()
    with pytest.raises(SystemRefusedError, match="standard output is closed"):
        standard_output()


def test_closed_standard_error_drops_what_is_written(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    stream = standard_error()
    assert stream.write("progress\n") == 9
    stream.flush()
    assert not stream.isatty()
    console.Screen(as_json=True, quiet=False, data_on_stdout=False).show(
        TrainingStarted(title="mf", epochs=1, n_ratings=1, device="cpu")
    )
    assert capsys.readouterr().out == ""  # JSON alone may stand there


def test_data_is_utf8_whatever_the_locale(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    emit(json.dumps({"path": "é\udcff"}, ensure_ascii=False))
    assert json.loads(raw.getvalue()) == {"path": "é\udcff"}


class Terminal:
    """A screen on a terminal of 30 lines, and what was written to it."""

    def __init__(self) -> None:
        self.text = io.StringIO()
        self.screen = console.Screen(as_json=False, quiet=False, data_on_stdout=False)
        self.screen.err = Console(
            file=self.text, force_terminal=True, width=100, height=30, color_system=None
        )

    def redraw(self) -> None:
        """Draw at once what the live display would draw within a tenth of a second."""
        assert self.screen._live is not None
        self.screen._live.refresh()


def epoch(number: int) -> EpochResult:
    return EpochResult(
        epoch=number,
        stage=1,
        learning_rate=0.1,
        train_loss=0.5,
        valid_loss=None,
        metrics={},
        seconds=0.1,
        ratings_per_second=10.0,
    )


def test_a_resumed_run_counts_its_epochs_on() -> None:
    terminal = Terminal()
    with terminal.screen as screen:
        screen.show(TrainingStarted(title="mf", epochs=9, n_ratings=100, device="cpu", done=5))
        screen.show(Progress(50, 100, 0.25))
        terminal.redraw()
        screen.show(epoch(6))
        screen.show(Progress(50, 100, 0.25))
        terminal.redraw()
    shown = terminal.text.getvalue()
    assert "epoch 6 loss 0.2500" in shown
    assert "epoch 7 loss 0.2500" in shown
    assert "epoch 1 " not in shown


def test_the_stages_after_training_show_themselves() -> None:
    """``mfcli run`` goes on on the screen that showed the epochs."""
    terminal = Terminal()
    with terminal.screen as screen:
        screen.show(TrainingStarted(title="mf", epochs=1, n_ratings=100, device="cpu"))
        screen.show(epoch(1))
        screen.show(Started("recommend", 10, "users"))
        before = len(terminal.text.getvalue())
        screen.show(Progress(5, 10))
        terminal.redraw()
    later = terminal.text.getvalue()[before:]
    assert "recommend" in later
    assert "epoch" not in later
    assert "1/1" not in later


NAMES_OF_STDOUT = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/./stdout"]


@pytest.fixture
def model(tmp_path):
    write_model(tmp_path / "m.pt", from_triples([(user, user, 1.0) for user in range(4)], 4, 4))
    return tmp_path / "m.pt"


@pytest.mark.parametrize("name", NAMES_OF_STDOUT)
@pytest.mark.parametrize("command", ["recommend", "similar"])
def test_another_name_of_standard_output_is_a_dash(cli, model, command, name):
    dash, named = (cli(command, model, "--out", out, "--k", "2") for out in ("-", name))
    assert named.exit_code == 0, named.stderr
    assert named.stdout == dash.stdout != ""


@pytest.mark.parametrize(
    ("command", "status"), [("fetch demo", 2), ("export m.pt", 2), ("recommend m.pt", 0)]
)
def test_standard_output_keeps_what_was_written_before(model, command, status):
    log = model.with_name("log")
    log.write_text("earlier\n")
    done = run(f"cd {model.parent}; $MFCLI {command} --out /dev/stdout >> log", "")
    assert done[0] == status, done[1]
    assert log.read_text().startswith("earlier\n")
    assert (log.read_text().count("\n") > 1) is (status == 0)


@pytest.mark.parametrize("name", ["/dev/stderr", "/dev/fd/7", "/proc/self/fd/2", "/dev/stdin"])
def test_another_open_stream_is_no_output(cli, model, name):
    refused = cli("recommend", model, "--out", name)
    assert refused.exit_code == 2
    assert "open stream" in refused.stderr
