"""Small things that broke a night: what is gone on with, how old data are, full disks, no home."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from mfcli.artifacts import meta_for, save_interactions
from mfcli.artifacts.checkpoint import load_meta
from mfcli.artifacts.files import atomic_file
from mfcli.config import RecommendConfig, TrainConfig
from mfcli.data.interactions import Interactions
from mfcli.data.sample import make_sample
from mfcli.errors import GateError, InputError, InterruptedRunError
from mfcli.events import EpochResult, Event, Judged, Noted
from mfcli.kernels import announcing
from mfcli.publishing import ages
from mfcli.stages.train import resume_or_start, train
from mfcli.system.refusals import FULL, expected_error, mount_point, naming

OPTIONS = {"epochs": 5, "factors": 4, "batch_size": "64", "device": "cpu"}


def config(**more: Any) -> TrainConfig:
    return TrainConfig.merge(("", OPTIONS | more))


def sample(seed: int) -> Interactions:
    return make_sample(60, 40, 900, seed).with_meta(meta_for("interactions", []))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data") / "data.npz"
    save_interactions(out, sample(0))
    return out


def interrupt(data: Path, out: Path, given: TrainConfig, after: int = 3) -> None:
    """Interrupt a training after an epoch."""

    def ending(event: Event) -> None:
        if isinstance(event, EpochResult) and event.epoch == after:
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError):
        train(data, out, given, ending)
    assert out.with_name(f"{out.name}.resume").exists()


def resumed(data: Path, out: Path, given: TrainConfig) -> tuple[list[int], list[str]]:
    """Go on if there is something to go on with; return the epochs that ran, and what was noted."""
    events: list[Event] = []
    resume_or_start(data, out, given, events.append)
    epochs = [event.epoch for event in events if isinstance(event, EpochResult)]
    return epochs, [event.message for event in events if isinstance(event, Noted)]


def test_a_killed_training_is_gone_on_with_where_there_is_one(data, tmp_path):
    whole, out = tmp_path / "whole/m.pt", tmp_path / "m.pt"
    assert resumed(data, whole, config()) == ([1, 2, 3, 4, 5], [])
    interrupt(data, out, config())
    epochs, noted = resumed(data, out, config())
    assert epochs[-1] == 5
    assert 1 not in epochs
    assert noted[0].startswith("resuming after epoch ")
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("what", ["data", "options", "damaged", "foreign"])
def test_what_does_not_fit_is_given_up_and_said(data, tmp_path, what):
    out, other = tmp_path / "m.pt", tmp_path / "other.npz"
    save_interactions(other, sample(1))
    given = config(factors=3) if what == "options" else config()
    interrupt(other if what == "data" else data, out, given)
    state = tmp_path / "m.pt.resume"
    if what == "damaged":
        state.write_bytes(state.read_bytes()[:-400])
    elif what == "foreign":
        state.write_bytes(b"PK\x03\x04 something")
    epochs, noted = resumed(data, out, config())
    assert epochs == [1, 2, 3, 4, 5]
    assert len(noted) == 1
    assert noted[0].startswith("training starts anew: ")
    assert not state.exists()


def test_a_run_that_began_from_a_model_is_gone_on_with(data, tmp_path):
    first, whole, out = (tmp_path / name / "m.pt" for name in ("first", "whole", "cut"))
    train(data, first, config(epochs=1))
    warm = config(init_from_if_any=str(first))
    train(data, whole, warm)
    interrupt(data, out, warm)
    epochs, noted = resumed(data, out, warm)
    assert epochs[-1] == 5
    assert noted[0].startswith("resuming after epoch ")
    assert out.read_bytes() == whole.read_bytes()
    roles = [it["role"] for it in load_meta(out)["lineage"][-1]["inputs"]]
    assert roles == ["train", "init_from"]


def test_a_model_that_is_not_there_yet_is_no_error(data, tmp_path, cli):
    cold, out = tmp_path / "cold/m.pt", tmp_path / "m.pt"
    train(data, cold, config())
    events: list[Event] = []
    train(data, out, config(init_from_if_any=str(tmp_path / "none.pt")), events.append)
    assert out.read_bytes() == cold.read_bytes()
    assert [it.message for it in events if isinstance(it, Noted)] == [
        f"--init-from-if-any: there is no {tmp_path}/none.pt, so training starts anew"
    ]
    both = ["--init-from", out, "--init-from-if-any", out]
    assert cli("train", data, "--out", tmp_path / "x.pt", *both).exit_code == 2
    both = ["--resume", "--resume-if-any"]
    assert cli("train", data, "--out", tmp_path / "x.pt", *both).exit_code == 2


# --- how old a model's data are ---------------------------------------------------------------


def aged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newest: object, **options: Any
) -> list[Event]:
    """Ask the gate about a model with this newest time, whose file is 3 days old."""
    path = tmp_path / "m.pt"
    path.write_bytes(b"")
    os.utime(path, (time.time() - 3 * ages.DAY,) * 2)
    monkeypatch.setattr(ages, "load_meta", lambda _: {"newest_time": newest})
    events: list[Event] = []
    ages.check_age(path, RecommendConfig(**options), events.append)
    return events


def test_age_goes_by_the_newest_time_of_the_data(tmp_path, monkeypatch):
    ago = int(time.time()) - 2 * ages.DAY
    (judged,) = aged(tmp_path, monkeypatch, ago, max_age=2.5)
    assert isinstance(judged, Judged)
    assert judged.passed
    assert judged.figure == pytest.approx(2, abs=0.01)
    with pytest.raises(GateError, match=r"newest row of its data, .* is 2 days ago"):
        aged(tmp_path, monkeypatch, ago, max_age=1)
    assert aged(tmp_path, monkeypatch, ago) == []


def test_without_dates_the_file_counts_which_is_said(tmp_path, monkeypatch):
    noted, judged = aged(tmp_path, monkeypatch, None, max_age=4)
    assert isinstance(noted, Noted)
    assert "the age of its file counts" in noted.message
    assert isinstance(judged, Judged)
    with pytest.raises(GateError, match=r"it was written 3 days ago"):
        aged(tmp_path, monkeypatch, None, max_age=2)


def test_a_time_in_the_future_is_an_error(tmp_path, monkeypatch):
    ahead = int(time.time()) + ages.AHEAD
    (judged,) = aged(tmp_path, monkeypatch, ahead - 60, max_age=1)
    assert isinstance(judged, Judged)
    assert judged.figure == 0
    with pytest.raises(InputError, match="lies in the future"):
        aged(tmp_path, monkeypatch, ahead + 60, max_age=1)


def test_a_model_knows_the_newest_time_of_its_data(data, tmp_path):
    train(data, tmp_path / "m.pt", config(epochs=1))
    rows = sample(0)
    assert rows.timestamps is not None
    assert load_meta(tmp_path / "m.pt")["newest_time"] == int(rows.timestamps.max())


# --- full disks, homes, kernels ---------------------------------------------------------------


@pytest.mark.parametrize("number", sorted(FULL))
def test_a_full_disk_is_told_with_the_file_and_its_mount(tmp_path, number):
    out = tmp_path / "x.npz"
    with pytest.raises(OSError) as error, atomic_file(out):  # noqa: PT011
        raise OSError(number, os.strerror(number))
    told = str(expected_error(error.value))
    assert told.startswith(f"{out}: the disk ")
    assert f"(mounted on {mount_point(str(tmp_path))}): make room" in told


def test_other_errors_are_given_no_file():
    with pytest.raises(OSError) as error, naming(Path("x")):  # noqa: PT011
        raise OSError(errno.EIO, "reading failed")
    assert error.value.filename is None


def test_a_mount_point_is_found_whether_the_path_is_there_or_not():
    assert mount_point("/") == "/"
    assert mount_point("/proc/none/at/all") == "/proc"


def test_a_cache_that_cannot_be_written_names_the_option(cli, tmp_path):
    home = tmp_path / "file"
    home.write_text("")
    environment: dict[str, str | None] = {"HOME": str(home), "XDG_CACHE_HOME": None}
    result = cli("fetch", "https://127.0.0.1:1/x.csv", "--out", tmp_path / "x.npz", env=environment)
    assert result.exit_code == 8
    assert "name another folder with --cache-dir" in result.stderr


@pytest.mark.parametrize("kept", [True, False])
def test_the_note_on_kernels_names_both_ways_out(monkeypatch, kept):
    class Announced:
        def __init__(self, say: Any) -> None:
            say("_topk", kept)

        def __enter__(self) -> None:
            pass

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(announcing, "announced", Announced)
    events: list[Event] = []
    with announcing.compiling(events.append):
        pass
    (noted,) = events
    assert isinstance(noted, Noted)
    assert "NUMBA_CACHE_DIR" in noted.message
    assert "mfcli warm-up" in noted.message
