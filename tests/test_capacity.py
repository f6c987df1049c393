"""What a stage needs is said before it starts; what can never fit is refused."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from mfcli.errors import SystemRefusedError, UsageError
from mfcli.events import ignore
from mfcli.system import capacity
from tests.faults.test_bad_input import EARLIER, accepted, refused, untouched, write

GB = 10**9
# Peaks in GB of the stages over 20,000,000 ratings, 138,000 users × 27,000 items, and over
# 5,000,000, 60,000 × 20,000, on two cores; split with --valid, batches of 65,536.
MEASURED: list[tuple[str, float, int]] = [
    ("csv, 20 M", 1.55, capacity.reading(20_000_000)),
    ("csv, 5 M", 0.54, capacity.reading(5_000_000)),
    ("sample, 20 M", 0.64, capacity.sampling(20_000_000)),
    ("sample, 5 M", 0.29, capacity.sampling(5_000_000)),
    ("split, 20 M", 1.88, capacity.splitting(20_000_000, 322_000_000, 2)),
    ("split, 5 M", 0.74, capacity.splitting(5_000_000, 82_000_000, 2)),
    (
        "explicit, 20 M",
        1.52,
        capacity.training(17_240_000, 276_000_000, 43_000_000, 65_536 * 64 * 4),
    ),
    ("explicit, 5 M", 1.10, capacity.training(3_800_000, 61_000_000, 21_000_000, 65_536 * 64 * 4)),
    ("hogwild, 20 M", 1.22, capacity.training(17_240_000, 276_000_000, 67_000_000, None)),
    ("hogwild, 5 M", 0.67, capacity.training(3_800_000, 61_000_000, 32_000_000, None)),
    ("evaluate, 20 M", 0.97, capacity.scoring(112_000_000, 22_000_000, 27_000, 2, 1_380_000)),
    ("evaluate, 5 M", 0.69, capacity.scoring(36_000_000, 10_000_000, 20_000, 2, 600_000)),
    ("recommend, 20 M", 0.76, capacity.scoring(112_000_000, 0, 27_000, 2)),
]


@pytest.mark.parametrize(("what", "peak", "estimate"), MEASURED)
def test_an_estimate_is_near_what_was_measured(what: str, peak: float, estimate: int) -> None:
    assert 0.85 < estimate / GB / peak < 1.5, f"{what}: {estimate / GB:.2f} GB, measured {peak}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, cli: Any) -> Path:
    folder = tmp_path_factory.mktemp("made")
    size = ("--users", "30", "--items", "20", "--ratings", "200")
    accepted(cli("fetch", "demo", "--out", folder / "d.npz", *size))
    accepted(cli("split", folder / "d.npz", "--out", folder, "--n", "2"))
    accepted(cli("train", folder / "train.npz", "--out", folder / "m.pt", "--model", "bias"))
    write(folder / "t.csv", "user,item\n" + "1,2\n" * 90_000)
    table = pa.table({"user": [1, 2], "item": [3, 4]})
    pyarrow.parquet.write_table(table, folder / "t.parquet")
    return folder


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        (("fetch", "t.csv"), "--columns"),
        (("fetch", "t.parquet"), "--columns"),
        (("fetch", "demo", "--ratings", "1000", "--users", "90", "--items", "90"), "--ratings"),
        (("split", "d.npz", "--folds", "3"), "--folds"),
        (("train", "train.npz"), "--factors"),
        (("train", "train.npz", "--mode", "hogwild"), "--factors"),
        (("evaluate", "m.pt", "test.npz"), "--workers"),
        (("recommend", "m.pt"), "--workers"),
    ],
    ids=lambda each: " ".join(each[:2]) if isinstance(each, tuple) else "",
)
def test_what_can_never_fit_is_refused_before_it_starts(cli, made, tmp_path, words, mend):
    names = [made / word if (made / word).exists() else word for word in words]
    out = tmp_path / "out"
    if words[0] != "split":
        write(out, EARLIER)
    result = cli(*names, "--out", out, env={"MFCLI_MEMORY": "0.1"})
    refused(result, 8, "MB of memory, and there is 100 MB", mend, "MFCLI_MEMORY")
    if words[0] != "split":
        untouched(out)


def test_a_disk_that_is_too_small_is_refused_before_it_starts(
    cli, made, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    class Full:
        free = 1000

    monkeypatch.setattr("mfcli.system.capacity.shutil.disk_usage", lambda _: Full)
    for words in (("fetch", "demo"), ("train", made / "train.npz")):
        out = write(tmp_path / "out", EARLIER)
        refused(cli(*words, "--out", out), 8, "of disk, and 1.00 kB is free on /", "make room")
        untouched(out)
    refused(cli("split", made / "d.npz", "--out", tmp_path / "s", "--n", "2"), 8, "of disk")
    assert {path.name for path in tmp_path.iterdir()} == {"out", "out.lock", "s.lock"}


def test_what_does_not_fit_now_is_worth_a_warning(
    cli, made, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(capacity, "memory_available", lambda: 1000)
    result = cli("train", made / "train.npz", "--out", tmp_path / "m.pt", "--model", "bias")
    assert result.exit_code == 0
    assert "the system may end it" in result.stderr


@pytest.mark.parametrize("text", ["much", "-1", "0", "nan", "1e99"])
def test_an_amount_that_is_none_is_wrong_usage(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("MFCLI_MEMORY", text)
    with pytest.raises(UsageError, match="MFCLI_MEMORY"):
        capacity.memory_limit()


Fake = Callable[[dict[str, str]], None]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Put files in the place of /proc and /sys."""
    monkeypatch.delenv("MFCLI_MEMORY", raising=False)

    def put(files: dict[str, str]) -> None:
        for name, text in files.items():
            path = tmp_path / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        monkeypatch.setattr(capacity, "SYSTEM", tmp_path)

    return put


MEMINFO = "MemTotal: 8000000 kB\nMemFree: 1 kB\nMemAvailable: 6000000 kB\nSwapTotal: 0 kB\n"


def test_the_limits_of_machine_and_groups_count(
    machine: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "mfcli.system.capacity.resource.getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2
    )
    machine({"/proc/meminfo": MEMINFO})
    assert capacity.memory_limit() == 8_000_000 * 1024
    assert capacity.memory_available() == 6_000_000 * 1024
    machine(
        {  # version 2, the limit on a group above
            "/proc/self/cgroup": "0::/a/b\n",
            "/sys/fs/cgroup/a/memory.max": "3000000000\n",
            "/sys/fs/cgroup/a/memory.current": "1000000000\n",
            "/sys/fs/cgroup/a/b/memory.max": "max\n",
            "/sys/fs/cgroup/a/b/memory.current": "5\n",
        }
    )
    assert (capacity.memory_limit(), capacity.memory_available()) == (3 * GB, 2 * GB)
    machine(
        {  # version 1
            "/proc/self/cgroup": "4:cpu,memory:/c\n1:name=systemd:/\n",
            "/sys/fs/cgroup/memory/c/memory.limit_in_bytes": "2000000000\n",
            "/sys/fs/cgroup/memory/c/memory.usage_in_bytes": "2500000000\n",
        }
    )
    assert (capacity.memory_limit(), capacity.memory_available()) == (2 * GB, 0)
    monkeypatch.setattr("mfcli.system.capacity.resource.getrlimit", lambda _: (GB, GB))
    reserved = 512 << 20
    assert capacity.memory_limit() == GB - reserved
    page = resource.getpagesize()
    machine({"/proc/self/statm": "3000 1000 9 9 9 9 9"})  # 2000 pages are mapped and not used
    assert capacity.memory_limit() == GB - reserved - 2000 * page


def test_a_system_that_says_nothing_has_no_limit(
    machine: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "mfcli.system.capacity.resource.getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2
    )
    machine({"/proc/nothing": ""})
    capacity.require_memory("anything", 1 << 60, "nothing", ignore)


def test_a_folder_that_is_to_be_made_has_the_disk_of_the_one_above(tmp_path: Path) -> None:
    capacity.require_disk(tmp_path / "a" / "b" / "c.npz", 1)
    with pytest.raises(SystemRefusedError, match="of disk"):
        capacity.require_disk(tmp_path / "a" / "b" / "c.npz", 1 << 60)
