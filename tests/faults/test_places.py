"""Files and folders of any name, outputs that cannot be, and interruptions at awkward moments."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from mfcli.artifacts import move_file, uninterrupted
from mfcli.cli.statuses import interruptions
from mfcli.errors import SystemRefusedError, is_out_of_memory
from mfcli.system.refusals import expected_error
from tests.faults.test_bad_input import EARLIER, accepted, refused, untouched, write

ROWS = "user,item,rating\n" + "".join(
    f"{user},{item},{(user * item) % 5 + 1}\n" for user in range(20) for item in range(15)
)
NAMES = ["spa ce", "ümlaut 日本", "quo'te\"", os.fsdecode(b"not \xff utf-8"), "-dash", "a\nb"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_folders_and_files_may_have_any_name(cli, tmp_path, name):
    # main() lets the streams escape what they cannot write; here it is not asked for.
    folder, quiet = tmp_path / name, "--quiet"
    folder.mkdir()
    model, other = folder / f"{name}.pt", folder / "n.pt"
    accepted(cli("fetch", write(folder / f"{name}.csv", ROWS), "--out", folder / "d.npz", quiet))
    accepted(cli("split", folder / "d.npz", "--out", folder / "s", "--n", "3", quiet))
    accepted(cli("train", folder / "s/train.npz", "--out", model, "--model", "bias", quiet))
    accepted(cli("train", folder / "s/train.npz", "--out", other, "--model", "popularity", quiet))
    more = ("--out", folder / "metrics.json", "--per-user", folder / "u.csv", "--metric", "ndcg")
    accepted(cli("evaluate", model, other, folder / "s/test.npz", *more, quiet))
    accepted(cli("recommend", model, "--out", folder / "recommendations.csv", quiet))
    for entry in ("d.npz", "s/train.npz", model.name, "metrics.json", "recommendations.csv"):
        assert json.loads(accepted(cli("inspect", folder / entry, "--json")).stdout)
    model.rename(folder / "model.pt")
    accepted(cli("report", folder, "--out", folder / "r.html", quiet))
    refused(cli("recommend", folder / "none.pt", "--out", "-"), 3, "no such file")


@pytest.mark.parametrize("blocked", [".m.pt.tmp", "m.pt.lock"])
def test_a_folder_in_the_place_of_a_working_file_is_told(cli, tmp_path, blocked):
    write(tmp_path / "t.csv", ROWS)
    accepted(cli("fetch", tmp_path / "t.csv", "--out", tmp_path / "d.npz"))
    (tmp_path / "out" / blocked / "x").mkdir(parents=True)
    out = write(tmp_path / "out" / "m.pt", EARLIER)
    result = cli("train", tmp_path / "d.npz", "--out", out, "--model", "bias")
    refused(result, 8, blocked, "move it away")
    assert out.read_bytes() == EARLIER


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("can't start new thread"),
        RuntimeError("std::bad_alloc"),
        SystemError("error return without exception set"),
        ImportError("libx.so: failed to map segment from shared object"),
        *(
            OSError(entry, os.strerror(entry), "f")
            for entry in (
                errno.ENOSPC,
                errno.EDQUOT,
                errno.EROFS,
                errno.EACCES,
                errno.EFBIG,
                errno.EISDIR,
                errno.ENOENT,
                errno.ELOOP,
                errno.EMFILE,
                errno.ENFILE,
                errno.ENOLCK,
                errno.EIO,
                errno.ESTALE,
                errno.ETIMEDOUT,
                errno.ENOMEM,
            )
        ),
    ],
    ids=repr,
)
def test_what_the_system_refuses_is_no_bug(error):
    assert isinstance(expected_error(error), SystemRefusedError)


def test_other_errors_are_no_lack_of_memory():
    assert not is_out_of_memory(RuntimeError("size mismatch"))
    assert expected_error(RuntimeError("size mismatch")) is None
    assert expected_error(ImportError("no module")) is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_between_two_renames_waits_for_the_last(number):
    done = []

    def work() -> None:
        with uninterrupted():
            signal.raise_signal(number)
            done.append("first")
            done.append("second")

    before = signal.signal(number, lambda *_: done.append("signal"))
    try:
        work()
    finally:
        signal.signal(number, before)
    assert done == ["first", "second", "signal"]


def test_a_split_that_is_interrupted_is_the_old_or_the_new_one(cli, tmp_path, monkeypatch):
    write(tmp_path / "t.csv", ROWS)
    accepted(cli("fetch", tmp_path / "t.csv", "--out", tmp_path / "d.npz"))
    out = tmp_path / "s"
    accepted(cli("split", tmp_path / "d.npz", "--out", out, "--valid", "--n", "3"))
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    move, renamed = move_file, 0

    def and_interrupt(source: Path, target: Path) -> None:
        nonlocal renamed
        renamed += 1
        if renamed == 1:
            signal.raise_signal(signal.SIGINT)
        move(source, target)

    monkeypatch.setattr("mfcli.stages.split.move_file", and_interrupt)
    words = ("split", tmp_path / "d.npz", "--out", out, "--n", "4")
    refused(cli(*words), 130, "interrupted")
    assert renamed == 2
    monkeypatch.undo()
    after = {path.name: path.read_bytes() for path in out.iterdir()}
    assert set(after) == {"train.npz", "test.npz"}
    assert not set(before.values()) & set(after.values())
    accepted(cli(*words))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == after


def test_an_interruption_before_the_first_epoch_has_nothing_to_save(cli, tmp_path, monkeypatch):
    write(tmp_path / "t.csv", ROWS)
    accepted(cli("fetch", tmp_path / "t.csv", "--out", tmp_path / "d.npz"))

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("mfcli.training.fit.make_engine", interrupted)
    out = write(tmp_path / "m.pt", EARLIER)
    refused(cli("train", tmp_path / "d.npz", "--out", out), 130, "before the first epoch")
    untouched(out)


def test_an_interruption_while_the_model_is_written_leaves_a_state(cli, tmp_path, monkeypatch):
    """All epochs are done, none of them was saved yet, and the model is not there yet."""
    write(tmp_path / "t.csv", ROWS)
    accepted(cli("fetch", tmp_path / "t.csv", "--out", tmp_path / "d.npz"))
    words = ("train", tmp_path / "d.npz", "--epochs", "2", "--factors", "2", "--quiet", "--out")
    accepted(cli(*words, tmp_path / "whole.pt"))

    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("mfcli.stages.train.save_checkpoint", interrupted)
    out = tmp_path / "m.pt"
    refused(cli(*words, out), 130, "interrupted after epoch 2", "--resume")
    monkeypatch.undo()
    assert not out.exists()
    accepted(cli(*words, out, "--resume"))
    assert out.read_bytes() == (tmp_path / "whole.pt").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_a_library_makes_of_an_interruption_is_an_interruption(
    cli, tmp_path, monkeypatch, number
):
    """NumPy's C interface makes an ImportError of whatever ends an import."""

    def replaced(*_: Any, **__: Any) -> Any:
        try:
            os.kill(os.getpid(), number)
            time.sleep(10)
        except KeyboardInterrupt:
            raise ImportError("numpy._core.multiarray failed to import") from None

    monkeypatch.setattr("mfcli.stages.fetch.fetch", replaced)
    write(tmp_path / "t.csv", ROWS)
    refused(cli("fetch", tmp_path / "t.csv", "--out", tmp_path / "d.npz"), 130, "interrupted")
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_DFL


def test_an_interruption_within_a_callback_is_not_lost():
    """What a callback of C raises is dropped by Python; the compiler of kernels has such."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    def work() -> None:
        with interruptions():
            ctypes.CFUNCTYPE(None)(interrupted)()
            time.sleep(10)

    with pytest.raises(KeyboardInterrupt):
        work()
