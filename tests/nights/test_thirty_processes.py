"""The thirty nights in processes of their own, killed, starved of disk, two at once, and read.

A reader looks at ``current`` a hundred times a second meanwhile. The short form, in one process, is
in test_thirty_nights.py; the table of both is in planned.py.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mfcli.nights.generations import all_generations, read_generation
from mfcli.nights.status import read_status
from tests.nights.looking import NONE_YET
from tests.nights.planned import NIGHTS, PUBLISHED, Kill, Planned, Trouble
from tests.nights.shops import Shop, clicks, digests
from tests.nights.test_thirty_nights import GATES, ended_otherwise
from tests.torture.faults import file_system, fill

ROOT = Path(__file__).parents[2]
KEEP = 6
LEFT = 40_000  # bytes of a disk that is nearly full: some files of a generation find room
PATIENCE = 120.0  # seconds in which a process has to get anywhere


@dataclass
class Run:
    """A process of mfcli."""

    process: subprocess.Popen[str]

    def end(self) -> tuple[int, str]:
        """Return its status (negative: the signal), and what it said on standard error."""
        try:
            told = self.process.communicate(timeout=PATIENCE)[1]
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert "Traceback" not in told, told
        return self.process.returncode, told


@dataclass
class Nights:
    """A shop whose nights are processes; ``published``: the bytes of each generation."""

    shop: Shop
    disk: Path | None
    published: dict[str, dict[str, str]] = field(default_factory=dict)
    reader: subprocess.Popen[bytes] | None = None
    held: str = ""

    def start(self, *words: str, kill: Kill | None = None) -> Run:
        """Start ``mfcli nightly`` on the shop's file."""
        program = (
            ["mfcli"] if kill is None else ["tests.nights.killed", kill.where, str(kill.number)]
        )
        command = [sys.executable, "-m", *program, "nightly", str(self.shop.file()), *words]
        return Run(
            subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
        )

    def keep_bytes(self) -> None:
        """Remember what the generation that was published is."""
        folder = self.shop.place.current.resolve()
        assert read_generation(folder).problem() is None
        self.published[folder.name] = digests(folder)

    def stop_reading(self) -> None:
        """End the reader that holds a generation."""
        if self.reader is not None:
            os.killpg(self.reader.pid, signal.SIGKILL)
            self.reader.wait()
            self.reader = None


def killed(nights: Nights, kill: Kill) -> tuple[int, str]:
    """Kill the night; the next run goes on with it."""
    before = nights.shop.current
    status, told = nights.start(kill=kill).end()
    assert status == -signal.SIGKILL, (kill.stage, status, told)
    assert (nights.shop.current != before) == kill.switched, kill.stage
    assert read_status(nights.shop.place)["status"] == "running"
    ended = nights.start().end()
    said = read_status(nights.shop.place)
    if "switch" in kill.stage or kill.switched:  # it had been decided: nothing is made again
        assert said["status"] == "unchanged", kill.stage
    else:
        assert set(said["reused"]) == kill.reuses, kill.stage
    return ended


def two_runs(nights: Nights, _: Trouble) -> tuple[int, str]:
    """Start a second run while one is at work: 7, and the first one is not disturbed."""
    first, asked = nights.start(), time.monotonic()
    while read_status(nights.shop.place)["status"] != "running":
        assert time.monotonic() - asked < PATIENCE
        time.sleep(0.001)
    os.kill(first.process.pid, signal.SIGSTOP)  # however fast it is, it is at work
    try:
        status, told = nights.start().end()
    finally:
        os.kill(first.process.pid, signal.SIGCONT)
    assert status == 7, told
    return first.end()


def full_disk(nights: Nights, _: Trouble) -> tuple[int, str]:
    """Leave hardly any room: 8, with the file and its disk; with room again, the night is made."""
    if nights.disk is not None:
        before = nights.shop.current
        fill(nights.disk, LEFT)
        status, told = nights.start().end()
        (nights.disk / "filler").unlink()
        assert (status, nights.shop.current) == (8, before), told
        assert f"(mounted on {nights.disk})" in told
    return nights.start().end()


def reader_comes(nights: Nights, _: Trouble) -> tuple[int, str]:
    """Hold the generation that is current, as a shop does that loads it for many nights."""
    place = nights.shop.place
    nights.held = str(place.current_name())
    nights.reader = subprocess.Popen(
        ["flock", "--shared", place.current / "manifest.json", "sleep", "3600"],
        start_new_session=True,
    )
    return nights.start().end()


def reader_goes(nights: Nights, _: Trouble) -> tuple[int, str]:
    """Let it go: it was there to the byte until now, though it is too old to be kept."""
    place = nights.shop.place
    names = [it.name for it in all_generations(place)]
    assert len(names) == KEEP + 1
    assert names[0] == nights.held
    assert digests(place.generation(nights.held)) == nights.published[nights.held]
    nights.stop_reading()
    ended = nights.start().end()
    assert not place.generation(nights.held).exists()
    return ended


TROUBLES: dict[Trouble, Callable[[Nights, Trouble], tuple[int, str]]] = {
    Trouble.two_runs: two_runs,
    Trouble.full_disk: full_disk,
    Trouble.reader_comes: reader_comes,
    Trouble.reader_goes: reader_goes,
}


def run_night(nights: Nights, night: Planned) -> tuple[int, str]:
    """Run a night with what happens meanwhile; return its exit status and what it said."""
    if isinstance(night.trouble, Kill):
        return killed(nights, night.trouble)
    if night.trouble is not None:
        return TROUBLES[night.trouble](nights, night.trouble)
    return nights.start().end()


@contextmanager
def looking(shop: Shop, found: Path) -> Iterator[None]:
    """Have a process look at ``current`` all the time, and write what it finds to a file."""
    with found.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.nights.looking", shop.place.folder],
            cwd=ROOT,
            stdout=stream,
        )
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(PATIENCE) == 0


@pytest.mark.slow
def test_thirty_nights_in_processes(tmp_path: Path) -> None:
    looks = tmp_path / "looks"
    with ExitStack() as stack:
        disk = stack.enter_context(file_system(tmp_path, 32 << 20))
        if disk is None:
            print("no file system can be mounted here: no disk is full")  # noqa: T201 - says so
        nights = Nights(Shop(disk or tmp_path, f"keep = {KEEP}", GATES), disk)
        stack.callback(nights.stop_reading)
        stack.enter_context(looking(nights.shop, looks))
        otherwise = [planned_night(nights, night, day) for day, night in enumerate(NIGHTS, 1)]
        assert [it for it in otherwise if it] == []
        kept = [it.name for it in all_generations(nights.shop.place)]
        assert kept == list(nights.published)[-KEEP:]
        for name in kept[:-1]:
            status, told = nights.start("--rollback", name).end()
            assert (status, nights.shop.current) == (0, name), told
            assert digests(nights.shop.place.current.resolve()) == nights.published[name]
    found = Counter(looks.read_text().splitlines())
    wrong = {line for line in found if not line.startswith("whole ") and line != NONE_YET}
    assert wrong == set()
    assert {line.removeprefix("whole ") for line in found} - {NONE_YET} == set(nights.published)


def planned_night(nights: Nights, night: Planned, day: int) -> str:
    """Run the night of a day; return how it ended where that is not as planned."""
    shop = nights.shop
    shop.write(night.change(clicks(day)))
    before = shop.current
    status, told = run_night(nights, night)
    assert (shop.current != before) == (night.status == PUBLISHED), (night.name, told)
    if night.status == PUBLISHED:
        nights.keep_bytes()
        assert not {path.name for path in shop.place.folder.iterdir()} - {
            "generations",
            "current",
            "latest.json",
            "nightly.lock",
        }
    else:  # one line says what is wrong
        assert len(re.findall("^error: ", told, re.MULTILINE)) == 1, told
    return ended_otherwise(night, shop, status, told)
