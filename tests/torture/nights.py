"""mfcli nightly, killed at any moment: in its stages, in its switch and in its clean-up.

A reader looks at ``current`` a hundred times a second meanwhile: it is whole at every instant.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mfcli.errors import MfcliError
from mfcli.nights.generations import read_generation
from mfcli.nights.places import Place
from tests.nights.shops import Shop, clicks, digests
from tests.torture.children import Child, start
from tests.torture.stages import counted
from tests.torture.table import Row

EXEMPT = ("manifest.json", "model.history.csv", "log.jsonl")
NIGHTS = 3
LOOKS = 0.01  # seconds between two looks of the reader


def nights(work: Path, times: int, seed: int, seconds: float) -> list[Row]:
    """Kill −9 the third night, then run it again: to the bytes of one that was not killed.

    ``keep = 1``: the third night also removes the first generation.
    """
    shop = Shop(_made(work / "nights"), "keep = 1")
    file = shop.file()
    right: dict[str, dict[str, str]] = {}
    lasts = 0.0
    for day in range(1, NIGHTS + 1):
        if day == NIGHTS:
            shutil.copytree(shop.place.folder, work / "nights/before", symlinks=True)
        shop.write(clicks(day))
        began = time.monotonic()
        assert start(["nightly", file], work / "nights").wait() == 0, "a night broke"
        lasts = time.monotonic() - began
        right[str(shop.current)] = digests(shop.place.current.resolve(), EXEMPT)
    dice, end = random.Random(seed), time.monotonic() + seconds
    rows = [Row("kill -9 in nightly"), Row("kill -9 in nightly's switch and clean-up")]
    looked = Row("looks at current during the nights")
    for number in range(times):
        row = rows[number % 2]
        shutil.rmtree(shop.place.folder)
        shutil.copytree(work / "nights/before", shop.place.folder, symlinks=True)
        after = lasts * (dice.random() if number % 2 == 0 else 1 - dice.random() * 0.3)
        with _reader(shop.place, looked):
            for again in (False, True):
                child = start(["nightly", file], work / "nights")
                if not again:
                    time.sleep(after)
                    child.signal(signal.SIGKILL)
                when = f"{'again after a kill' if again else 'killed'} at {after:.3f} s"
                _check(row, child, shop, right, when, again=again)
        row.times += 1
        if time.monotonic() > end:
            break
    return [*rows, looked]


def _check(
    row: Row,
    child: Child,
    shop: Shop,
    right: dict[str, dict[str, str]],
    when: str,
    *,
    again: bool,
) -> None:
    """Count what is wrong: ``current`` is one of the right generations, to the byte."""
    if not counted(row, child, child.wait(), (0,) if again else (0, -signal.SIGKILL), when):
        return
    name = str(shop.current)
    if name not in right or digests(shop.place.current.resolve(), EXEMPT) != right[name]:
        row.wrongly(f"{when}: {name} is not what it should be")
    if again:
        there = sorted(path.name for path in shop.place.generations.iterdir())
        if name != list(right)[-1] or there != sorted(list(right)[-2:]):
            row.wrongly(f"{when}: current is {name} among {there}")
        left = {path.name for path in shop.place.folder.iterdir()}
        if left != {"generations", "current", "latest.json", "nightly.lock"}:
            row.wrongly(f"{when}: left over: {sorted(left)}")


@contextmanager
def _reader(place: Place, row: Row) -> Iterator[None]:
    """Have another process look at ``current`` all the time, and count what it finds."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        _look(place, writing)
    os.close(writing)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGTERM)
        with os.fdopen(reading) as stream:
            lines = stream.read().splitlines()
        os.waitpid(pid, 0)
    row.times += lines.count("whole")
    for line in lines:
        if line != "whole":
            row.wrongly(line)


def _look(place: Place, writing: int) -> None:
    """Write a line a look, until the process is ended."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    while True:
        try:
            found = read_generation(place.generation(str(place.current_name()))).problem()
        except (MfcliError, OSError) as error:
            found = repr(error)
        os.write(writing, f"{found or 'whole'}\n".encode())
        time.sleep(LOOKS)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
