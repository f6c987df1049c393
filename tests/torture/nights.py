"""mfcli nightly, killed at any moment: in its stages, in its switch and in its clean-up.

A night is a child of a process that has imported everything and loaded the kernels; some are whole
processes. What is aimed at a switch or a clean-up dies right before one of its file operations,
each of them in turn. A reader looks at ``current`` a hundred times a second meanwhile.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.nights.looking import look_until_ended
from tests.nights.shops import Shop, clicks, digests
from tests.torture.children import ROOT, Child, load_kernels, start
from tests.torture.stages import counted
from tests.torture.table import Row

EXEMPT = ("manifest.json", "model.history.csv", "log.jsonl")
KEPT = {"generations", "current", "latest.json", "nightly.lock"}
NIGHTS = 3


class Aim(StrEnum):
    """Where a night is killed."""

    anywhere = "kill -9 in nightly"
    stages = "kill -9 at the files of nightly's stages"
    switch = "kill -9 at the files of nightly's switch"
    clean_up = "kill -9 at the files of nightly's clean-up"
    whole = "kill -9 in a whole process of nightly"


# Ten kills, in turn.
ROUND = (
    Aim.anywhere,
    Aim.switch,
    Aim.clean_up,
    Aim.stages,
    Aim.switch,
    Aim.clean_up,
    Aim.anywhere,
    Aim.switch,
    Aim.clean_up,
    Aim.whole,
)
LOOKED = "looks at current during the nights"


@dataclass
class Trials:
    """The night that is killed again and again.

    before: the folder as the two nights before left it. right: the bytes of each generation. lasts,
    whole_lasts: seconds of a night as a child, and as a whole process. bounds: the number of the
    first file operation of the switch, of the clean-up, and behind the last one.
    """

    shop: Shop
    before: Path
    streams: Path
    right: dict[str, dict[str, str]] = field(default_factory=dict)
    lasts: float = 0.0
    whole_lasts: float = 0.0
    bounds: tuple[int, int, int] = (0, 0, 0)

    def start(self, at: int | None = None) -> Child:
        """Start a night as a child, to be killed before its file operation of that number."""
        begin = None if at is None else lambda: on_files(KillAt(at))
        return start(["nightly", self.shop.file()], self.streams, begin=begin)

    def start_whole(self) -> Child:
        """Start a night as a whole process."""
        out, err = self.streams / "stdout", self.streams / "stderr"
        command = [sys.executable, "-m", "mfcli", "nightly", str(self.shop.file())]
        began = time.monotonic()
        with out.open("w") as told, err.open("w") as errors:
            process = subprocess.Popen(
                command, cwd=ROOT, stdout=told, stderr=errors, start_new_session=True
            )
        process.returncode = 0  # it is waited for as the other children are
        return Child(process.pid, out, err, began)

    def reset(self) -> None:
        """Put the folder back to what it was before the night."""
        shutil.rmtree(self.shop.place.folder)
        shutil.copytree(self.before, self.shop.place.folder, symlinks=True)


def nights(work: Path, times: int, seed: int, seconds: float) -> list[Row]:
    """Kill −9 the third night, then run it again: to the bytes of one that was not killed.

    ``keep = 1``: the third night also removes the first generation. Ends early after ``seconds``.
    """
    load_kernels()
    trials = _prepared(work / "nights")
    dice, end = random.Random(seed), time.monotonic() + seconds
    rows = {aim: Row(aim) for aim in Aim}
    looked = Row(LOOKED)
    for number in range(times):
        aim = ROUND[number % len(ROUND)]
        trials.reset()
        with _reader(trials.shop, looked):
            when = _killed(trials, aim, rows[aim], dice)
            again = trials.start()
            if counted(rows[aim], again, again.wait(), (0,), f"again, {when}"):
                _check_done(trials, rows[aim], f"again, {when}")
        if time.monotonic() > end:
            rows[aim].notes.append(f"after {number + 1} of {times} kills the time was over")
            break
    return [*rows.values(), looked]


def _prepared(folder: Path) -> Trials:
    """Make the nights before, and see what the third one is and does when nobody kills it."""
    folder.mkdir(parents=True)
    trials = Trials(Shop(folder, "keep = 1"), folder / "before", folder)
    shop = trials.shop
    for day in range(1, NIGHTS + 1):
        if day == NIGHTS:
            shutil.copytree(shop.place.folder, trials.before, symlinks=True)
        shop.write(clicks(day))
        child = trials.start()
        assert child.wait() == 0, f"a night broke: {child.errors}"
        trials.lasts = time.monotonic() - child.began
        trials.right[str(shop.current)] = digests(shop.place.current.resolve(), EXEMPT)
    trials.reset()
    child = trials.start_whole()
    assert child.wait() == 0, f"a night broke: {child.errors}"
    trials.whole_lasts = time.monotonic() - child.began
    trials.reset()
    trials.bounds = _counted_operations(trials)
    return trials


def _killed(trials: Trials, aim: Aim, row: Row, dice: random.Random) -> str:
    """Kill a night, and count what is wrong after it; return when it was killed."""
    row.times += 1
    first, cleaning, behind = trials.bounds
    spans = {
        Aim.stages: range(first),
        Aim.switch: range(first, cleaning),
        Aim.clean_up: range(cleaning, behind),
    }
    if aim in spans:
        steps = spans[aim]
        # Those of the stages are hundreds; of the others, each is tried before one comes again.
        at = dice.choice(steps) if aim is Aim.stages else steps[(row.times - 1) % len(steps)]
        child, when = trials.start(at), f"killed before file operation {at}"
        allowed: tuple[int, ...] = (-signal.SIGKILL,)
    else:
        whole = aim is Aim.whole
        after = dice.random() * (trials.whole_lasts if whole else trials.lasts)
        child = trials.start_whole() if whole else trials.start()
        time.sleep(after)
        child.signal(signal.SIGKILL)
        when, allowed = f"{aim} after {after:.3f} s", (0, -signal.SIGKILL)
    if counted(row, child, child.wait(), allowed, when):
        name = str(trials.shop.current)
        found = digests(trials.shop.place.current.resolve(), EXEMPT)
        if name not in trials.right or found != trials.right[name]:
            row.wrongly(f"{when}: {name} is not what it should be")
    return when


def _check_done(trials: Trials, row: Row, when: str) -> None:
    """Count what is not as after a night that nobody killed."""
    shop, names = trials.shop, list(trials.right)
    current = str(shop.current)
    there = sorted(path.name for path in shop.place.generations.iterdir())
    if current != names[-1] or there != sorted(names[-2:]):
        row.wrongly(f"{when}: current is {current} among {there}")
        return
    for name in there:
        if digests(shop.place.generation(name), EXEMPT) != trials.right[name]:
            row.wrongly(f"{when}: {name} is not what it should be")
    left = {path.name for path in shop.place.folder.iterdir()} - KEPT
    if left:
        row.wrongly(f"{when}: left over: {sorted(left)}")


# What the interpreter tells of before it is done. Reading is no step at which files can be lost.
_CHANGES = frozenset(
    ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod")
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def on_files(call: Callable[[int, str], None]) -> None:
    """Have ``call`` told the number and the path of each file operation before it is made."""
    number = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal number
        opened = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
        if event in _CHANGES or opened:
            number += 1
            call(number - 1, " ".join(map(str, arguments[:2])))

    sys.addaudithook(hook)


@dataclass(frozen=True)
class KillAt:
    """Kills the process before its file operation of a number, from 0."""

    number: int

    def __call__(self, number: int, path: str) -> None:  # noqa: ARG002
        if number == self.number:
            os.kill(os.getpid(), signal.SIGKILL)


def _counted_operations(trials: Trials) -> tuple[int, int, int]:
    """Return the numbers of the first file operation of the switch and of the clean-up, and all."""
    paths = trials.streams / "operations"

    def begin() -> None:
        writing = os.open(paths, os.O_WRONLY | os.O_CREAT, 0o600)

        def tell(_: int, path: str) -> None:
            os.write(writing, f"{path}\n".encode())

        on_files(tell)

    child = start(["nightly", trials.shop.file()], trials.streams, begin=begin)
    assert child.wait() == 0, f"a night broke: {child.errors}"
    lines = paths.read_text().splitlines()
    switch = next(at for at, line in enumerate(lines) if "switch.json" in line)
    cleaning = next(at for at, line in enumerate(lines) if ".trash" in line and at > switch)
    return switch, cleaning, len(lines)


@contextmanager
def _reader(shop: Shop, row: Row) -> Iterator[None]:
    """Have another process look at ``current`` all the time, and count what it finds."""
    found = shop.home / "looks"
    writing = os.open(found, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    pid = os.fork()
    if not pid:
        look_until_ended(shop.place, writing)
    os.close(writing)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
    lines = found.read_text().splitlines()
    row.times += len(lines)
    for line in lines:
        if not line.startswith("whole "):
            row.wrongly(line)
