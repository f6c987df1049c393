"""Recommendations on a Dask cluster: a real scheduler and real workers on loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# What a worker runs first, once or twice. mfcli.publishing.cluster holds the names that it calls.
SLOW = """
import time
import mfcli.publishing.cluster as cluster
from mfcli.publishing.parts import write_part as write
cluster.write_part = lambda *given: (time.sleep(0.4), write(*given))[1]
"""
DEADLY = """
import os
import mfcli.publishing.cluster as cluster
cluster.write_part = lambda *given: os.kill(os.getpid(), 9)
"""
LACKING = """
import sys
sys.modules["mfcli"] = None
"""
QUIET = {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical"}


class Cluster:
    """A scheduler of its own, and workers without a nanny, so that a death is final."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder, self.started = folder, list[subprocess.Popen[bytes]]()
        self.file = folder / "scheduler.json"
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", **settings)
        # It is there before it is written.
        self._until(lambda: self.file.exists() and self.file.read_text().rstrip().endswith("}"))
        self.address = json.loads(self.file.read_text())["address"]

    def workers(self, number: int, preload: str) -> list[subprocess.Popen[bytes]]:
        path = self.folder / "preload.py"
        path.write_text(preload)
        options = ["--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--preload", str(path)]
        folder = ["--local-directory", str(self.folder / "workers")]
        return [self._start("worker", *options, *folder) for _ in range(number)]

    def _start(self, part: str, *options: str, **settings: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", part, "--scheduler-file", str(self.file)]
        log = (self.folder / "log").open("ab")
        process = subprocess.Popen(
            [*command, "--no-dashboard", *options],
            stdout=log,
            stderr=log,
            env={**os.environ, **QUIET, **settings},
        )
        log.close()
        self.started.append(process)
        return process

    def _until(self, there: Callable[[], bool]) -> None:
        for _ in range(600):
            if there():
                return
            time.sleep(0.05)
        pytest.fail(f"no scheduler: {(self.folder / 'log').read_text()[-2000:]}")

    def end(self) -> None:
        for process in self.started:
            process.kill()
        for process in self.started:
            process.wait(30)


@pytest.fixture(autouse=True, scope="module")
def _dask() -> None:
    pytest.importorskip("distributed")


@pytest.fixture
def cluster(tmp_path) -> Iterator[Cluster]:
    (tmp_path / "cluster").mkdir()
    made = Cluster(tmp_path / "cluster")
    yield made
    made.end()


@pytest.fixture(scope="module")
def model(tmp_path_factory, cli) -> Path:
    folder = tmp_path_factory.mktemp("model")
    sample = ["--users", "90", "--items", "60", "--ratings", "1500"]
    assert cli("fetch", "demo", "--out", folder / "data.npz", *sample).exit_code == 0
    options = ["--epochs", "2", "--factors", "4"]
    assert cli("train", folder / "data.npz", "--out", folder / "m.pt", *options).exit_code == 0
    return folder / "m.pt"


def scored(cli: Any, model: Path, out: Path, address: str, *options: str) -> Any:
    return cli(
        "recommend",
        model,
        "--out",
        f"{out}/",
        "--part-users",
        "8",
        "--engine",
        "dask",
        "--scheduler",
        address,
        *options,
    )


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def leftovers(folder: Path) -> list[str]:
    """Return what lies beside the outputs and their locks."""
    names = (path.name for path in folder.iterdir() if path.name != "cluster")
    return sorted(name for name in names if not name.endswith(".lock"))


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_changes_no_byte(cli, model, tmp_path, cluster):
    local = cli("recommend", model, "--out", f"{tmp_path}/local/", "--part-users", "8")
    assert local.exit_code == 0
    doomed, _ = cluster.workers(2, SLOW)
    building = tmp_path / ".recs.building"

    def kill() -> None:
        for _ in range(1200):
            if list(building.glob("part-*")):
                break
            time.sleep(0.02)
        doomed.send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    result = scored(cli, model, tmp_path / "recs", cluster.address)
    killer.join()
    assert result.exit_code == 0, result.stderr
    assert doomed.wait(30) == -signal.SIGKILL
    assert content(tmp_path / "recs") == content(tmp_path / "local")
    assert leftovers(tmp_path) == ["local", "recs"]


@pytest.mark.slow
def test_workers_that_all_die_are_an_error_and_the_old_output_stays(cli, model, tmp_path, cluster):
    out = tmp_path / "recs"
    assert cli("recommend", model, "--out", f"{out}/", "--k", "3").exit_code == 0
    before = content(out)
    cluster.workers(2, DEADLY)
    result = scored(cli, model, out, cluster.address, "--cluster-timeout", "3")
    assert result.exit_code == 8
    assert "no worker for 3 s" in result.stderr
    assert "--resume" in result.stderr
    assert content(out) == before
    assert not list((tmp_path / ".recs.building").glob(".attempt-*"))


@pytest.mark.slow
def test_a_part_that_dask_gives_up_is_an_error(cli, model, tmp_path):
    (tmp_path / "cluster").mkdir()
    never = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    strict = Cluster(tmp_path / "cluster", **never)
    try:
        strict.workers(1, DEADLY)
        result = scored(cli, model, tmp_path / "recs", strict.address)
    finally:
        strict.end()
    assert result.exit_code == 8
    assert "each worker that took it died" in result.stderr
    assert not (tmp_path / "recs").exists()


@pytest.mark.slow
def test_workers_without_mfcli_are_told(cli, model, tmp_path, cluster):
    cluster.workers(1, LACKING)
    result = scored(cli, model, tmp_path / "recs", cluster.address)
    assert result.exit_code == 8
    assert "cannot import mfcli" in result.stderr
    assert "install the same mfcli there" in result.stderr


@pytest.mark.slow
def test_no_worker_is_an_error_within_the_timeout(cli, model, tmp_path, cluster):
    result = scored(cli, model, tmp_path / "recs", cluster.address, "--cluster-timeout", "0.5")
    assert result.exit_code == 8
    assert "no worker for 0.5 s" in result.stderr


def test_no_scheduler_is_an_error_within_the_timeout(cli, model, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        result = scored(cli, model, tmp_path / "recs", address, "--cluster-timeout", "0.5")
    assert result.exit_code == 8
    assert "no Dask scheduler answered within 0.5 s" in result.stderr


def test_a_client_without_certificates_is_told(cli, model, tmp_path):
    result = scored(cli, model, tmp_path / "recs", "tls://127.0.0.1:1")
    assert result.exit_code == 2
    assert "Dask's settings have no certificates" in result.stderr


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--out", "recs/", "--engine", "dask"], "--engine dask needs --scheduler"),
        (["--out", "recs/", "--engine", "dask", "--scheduler", "h"], "like tcp://HOST:8786"),
        (["--out", "recs/", "--scheduler", "tcp://h:1"], "--scheduler has no meaning without"),
        (["--out", "r.csv", "--engine", "dask", "--scheduler", "tcp://h:1"], "a folder of parts"),
        (
            ["--out", "recs/", "--engine", "dask", "--scheduler", "tcp://h:1", "--users", "-"],
            "workers need a file",
        ),
        (
            ["--out", "recs/", "--engine", "dask", "--scheduler", "tcp://h:1", "--shard", "1/2"],
            "Dask shares the parts out",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_read(cli, options, reason):
    result = cli("recommend", "nowhere.pt", *options)
    assert result.exit_code == 2
    assert reason in result.stderr
