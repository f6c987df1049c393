"""An output keeps mode and group of what it replaces; a new one follows the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from mfcli.artifacts import manifest_of
from mfcli.artifacts.files import atomic_file, keep_access, real_output
from mfcli.artifacts.folders import building_place, publish
from mfcli.errors import SystemRefusedError

SAMPLE = ["--users", "60", "--items", "40", "--ratings", "900"]
OTHER_GROUP = 12345
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture(autouse=True)
def masked() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def write(path: Path, *, manifest: bool = False) -> int:
    """Replace a file; return the mode that it had while it was written."""
    with atomic_file(path, (lambda _: b"{}") if manifest else None) as stream:
        stream.write(b"new")
        return stat.S_IMODE(os.fstat(stream.fileno()).st_mode)


def test_a_new_file_follows_the_umask(tmp_path):
    write(tmp_path / "x", manifest=True)
    assert mode(tmp_path / "x") == 0o640
    assert mode(manifest_of(tmp_path / "x")) == 0o640


@pytest.mark.parametrize("before", [0o600, 0o644, 0o664, 0o440, 0o777, 0o2755])
def test_a_file_keeps_its_mode_and_is_not_more_open_while_it_is_written(tmp_path, before):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(before)
    assert write(path, manifest=True) == 0o600
    assert path.read_bytes() == b"new"
    assert mode(path) == before
    assert mode(manifest_of(path)) == before


@as_root
def test_a_file_keeps_its_group(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    os.chown(path, -1, OTHER_GROUP)
    path.chmod(0o640)
    write(path, manifest=True)
    assert (path.stat().st_gid, mode(path)) == (OTHER_GROUP, 0o640)
    assert manifest_of(path).stat().st_gid == OTHER_GROUP


def test_a_group_that_cannot_be_kept_is_refused_before_work_begins(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    own = path.stat().st_gid
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: own + 1)
    monkeypatch.setattr(os, "getgroups", list)
    tmp_path.chmod(0o700)
    with pytest.raises(SystemRefusedError, match="cannot be kept"):
        real_output(path)
    monkeypatch.setattr(os, "getgroups", lambda: [own])
    assert real_output(path) == path
    monkeypatch.setattr(os, "getgroups", list)
    tmp_path.chmod(0o2700)  # what is made in this folder gets its group, which is that of the file
    assert real_output(path) == path


def test_what_is_not_there_changes_nothing(tmp_path):
    (tmp_path / "x").write_bytes(b"")
    keep_access(tmp_path / "x", tmp_path / "none")
    assert mode(tmp_path / "x") == 0o640


def test_a_folder_and_its_files_keep_theirs(tmp_path):
    target = tmp_path / "recs"
    for number, name in enumerate(("part-0.csv", "part-1.csv")):
        building = building_place(target)
        building.mkdir()
        (building / "part-0.csv").write_bytes(b"")
        (building / name).write_bytes(b"")
        publish(building, target, {"parts": [{"name": name}], "number": number})
        if number == 0:
            assert mode(target) == 0o750
            target.chmod(0o755)
            for path in target.iterdir():
                path.chmod(0o664)
    assert mode(target) == 0o755
    assert {mode(path) for path in target.iterdir()} == {0o664}


def test_the_files_of_a_split_keep_theirs(cli, tmp_path):
    data = tmp_path / "data.npz"
    assert cli("fetch", "demo", *SAMPLE, "--out", data).exit_code == 0
    for _ in range(2):
        assert cli("split", data, "--n", "3", "--out", tmp_path / "split").exit_code == 0
        (tmp_path / "split/train.npz").chmod(0o604)
    assert cli("split", data, "--n", "3", "--out", tmp_path / "split").exit_code == 0
    assert mode(tmp_path / "split/train.npz") == 0o604
    assert mode(tmp_path / "split/test.npz") == 0o640
