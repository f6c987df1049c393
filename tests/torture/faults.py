"""The faults: each function tries one on every stage and returns rows of the table."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.torture.children import ROOT, address_space, start
from tests.torture.stages import Trial, counted
from tests.torture.table import Row, running_as_root

Timed = list[tuple[Trial, float]]


def kills(trials: Timed, times: int, seed: int, seconds: float) -> list[Row]:
    """Kill −9 at a random moment, then the same command again, to the same bytes.

    Goes round the stages ``times`` times, or until the seconds are over.
    """
    dice, end = random.Random(seed), time.monotonic() + seconds
    rows = [Row(f"kill -9 in {trial.stage.name}") for trial, _ in trials]
    for number in range(times):
        for row, (trial, lasts) in zip(rows, trials, strict=True):
            if time.monotonic() > end:
                return rows
            earlier = number % 2 == 0
            trial.clear(earlier)
            # Half of the moments lie anywhere, half in the last part, where files are written.
            after = lasts * (dice.random() if number % 4 < 2 else 1 - dice.random() * 0.25)
            child = start(trial.words(), trial.folder)
            time.sleep(after)
            child.signal(signal.SIGKILL)
            when = f"killed after {after:.3f} s"
            row.times += 1
            if counted(row, child, child.wait(), (0, -9), when):
                trial.check_whole(row, when, earlier)
            trial.again(row, when)
    return rows


def interrupts(trials: Timed, times: int, seed: int, seconds: float) -> list[Row]:
    """Ctrl-C and SIGTERM at a random moment: 130, whole outputs, and the same bytes later."""
    dice, end = random.Random(seed), time.monotonic() + seconds
    kinds = ((signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM"))
    tried = [
        (Row(f"{name} in {trial.stage.name}"), number, name, trial, lasts)
        for number, name in kinds
        for trial, lasts in trials
    ]
    for _ in range(times):
        for row, number, name, trial, lasts in tried:
            if time.monotonic() > end:
                break
            trial.clear()
            after = 0.02 + lasts * dice.random() * 0.95
            child = start(trial.words(), trial.folder)
            time.sleep(after)
            child.signal(number)
            when = f"{name} after {after:.3f} s"
            row.times += 1
            # Before mfcli listens, SIGTERM ends any process, without a word.
            if counted(row, child, child.wait(), (0, 130, -signal.SIGTERM), when):
                trial.check_whole(row, when)
                trial.check_together(row, when)
            trial.again(row, when)
    return [row for row, *_ in tried]


def locked(trials: Timed) -> list[Row]:
    """Another run holds the output: 7, at once, and nothing is touched."""
    row = Row("two runs on one output")
    for trial, _ in trials:
        trial.clear()
        with open(trial.folder / f"{trial.stage.out}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            child = start(trial.words(), trial.folder)
            row.times += 1
            if counted(row, child, child.wait(), (7,), trial.stage.name):
                trial.check_untouched(row, "locked")
        trial.again(row, "after the lock")
    return [row]


@contextlib.contextmanager
def file_system(folder: Path, size: int) -> Iterator[Path | None]:
    """Mount a small file system for a while; yield None where that cannot be."""
    target = folder / "mounted"
    target.mkdir(exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(target)]
    if not running_as_root() or subprocess.run(words, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield target
    finally:
        subprocess.run(["umount", "-l", str(target)], check=True)


def full_disk(trials: Timed, work: Path, room: tuple[int, ...]) -> list[Row]:
    """Leave a file system with little room: 8, and nothing is touched; with room again, 0."""
    rows = [Row("disk full"), Row("file size limit"), Row("read-only file system")]
    with file_system(work, 8 << 20) as mounted:
        for trial, _ in trials if mounted else ():
            assert mounted is not None
            small = Trial(trial.stage, mounted, trial.right)
            for free in room:
                small.clear()
                fill(mounted, free)
                _refused(rows[0], small, work, f"{free} bytes free")
                (mounted / "filler").unlink(missing_ok=True)
            small.again(rows[0], "with room again")
            small.clear()
            _remount(mounted, "ro")
            _refused(rows[2], small, work, "read-only")
            _remount(mounted, "rw")
        if mounted is None:
            rows[0].notes.append("skipped: no file system can be mounted here")
    for trial, _ in trials:
        for size in (0, 1, 1000)[-1 if len(room) == 1 else 0 :]:
            trial.clear()
            limits = [(resource.RLIMIT_FSIZE, size)]
            child = start(trial.words(), trial.folder, limits=limits)
            rows[1].times += 1
            status = child.wait()
            # With no byte allowed, standard error cannot be written either.
            if counted(rows[1], child, status, (8,), f"{trial.stage.name}, {size} bytes a file"):
                trial.check_untouched(rows[1], f"{size} bytes a file")
        trial.again(rows[1], "without the limit")
    return rows


def _refused(row: Row, trial: Trial, streams: Path, when: str) -> None:
    child = start(trial.words(), streams)
    row.times += 1
    status = child.wait()
    if status == 0:  # there was room enough
        (trial.folder / "filler").unlink(missing_ok=True)
        trial.check_done(row, when)
    elif counted(row, child, status, (8,), f"{trial.stage.name}, {when}"):
        trial.check_untouched(row, when)


def fill(folder: Path, free: int) -> None:
    """Fill a file system but for so many bytes."""
    with open(folder / "filler", "wb", buffering=0) as file:
        size = shutil.disk_usage(folder).free - free
        with contextlib.suppress(OSError):
            file.write(bytes(max(0, size)))


def _remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


def memory(trials: Timed, steps: tuple[int, ...]) -> list[Row]:
    """Out of memory half way (address space): 8 in one line, or enough."""
    rows = []
    for trial, _ in trials:
        row = Row(f"out of memory in {trial.stage.name}")
        for more in steps:
            trial.clear()
            limit = address_space() + (more << 20)
            child = start(trial.words(), trial.folder, limits=[(resource.RLIMIT_AS, limit)])
            row.times += 1
            status = child.wait()
            when = f"{trial.stage.name} with {more} MB more"
            if counted(row, child, status, (0, 8), when) and status == 8:
                trial.check_untouched(row, when)
                if child.errors.count("\n") != 1:
                    row.wrongly(f"{when}: {child.errors[:300]!r}")
        trial.again(row, "with memory again")
        rows.append(row)
    return rows


def streams(trials: Timed) -> list[Row]:
    """Take the reader of standard output away, which is no error; or fill it, which is one."""
    rows = [Row("closed pipe"), Row("standard output full"), Row("missing folder")]
    for trial, _ in trials:
        if trial.stage.name in ("evaluate", "recommend"):
            words = [*trial.stage.words, "--out", "-", "--quiet"]
            for taken in (0, 1, 100):
                reading, writing = os.pipe()
                child = start(words, trial.folder, stdout=writing, closing=reading)
                os.close(writing)
                if taken:
                    os.read(reading, taken)
                os.close(reading)
                rows[0].times += 1
                counted(rows[0], child, child.wait(), (0,), f"{trial.stage.name} --out - | head")
            full = os.open("/dev/full", os.O_WRONLY)
            child = start(words, trial.folder, stdout=full)
            os.close(full)
            rows[1].times += 1
            counted(rows[1], child, child.wait(), (8,), f"{trial.stage.name} > /dev/full")
        trial.clear(earlier=False)
        deep = trial.folder / "a b" / "ü" / trial.stage.out
        options = [word.format(folder=deep.parent) for word in trial.stage.options]
        child = start([*trial.stage.words, "--out", str(deep), *options], trial.folder)
        rows[2].times += 1
        if counted(rows[2], child, child.wait(), (0,), f"{trial.stage.name} into a new folder"):
            for name in trial.stage.files:
                if (deep.parent / name).read_bytes() != trial.right[name]:
                    rows[2].wrongly(f"{name} is wrong in a new folder")
    return rows


def gone(trials: Timed, seed: int) -> list[Row]:
    """Take the folder away while a stage runs: 8, or 0 where it was done or made it anew."""
    dice = random.Random(seed)
    row = Row("folder taken away")
    for trial, seconds in trials:
        for _ in range(2):
            trial.clear(earlier=False)
            inner = Trial(trial.stage, trial.folder / "in", trial.right)
            inner.folder.mkdir()
            child = start(inner.words(), trial.folder)
            time.sleep(seconds * dice.random())
            shutil.rmtree(inner.folder, ignore_errors=True)
            row.times += 1
            counted(row, child, child.wait(), (0, 8), f"{trial.stage.name} without its folder")
    return [row]


CIRCUMSTANCES: dict[str, dict[str, str | None]] = {
    "no HOME": {"HOME": None, "XDG_CACHE_HOME": None},
    "HOME that is a file": {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null"},
    "no writable cache": {"NUMBA_CACHE_DIR": "/proc/nowhere", "XDG_CACHE_HOME": "/proc/nowhere"},
    "LANG=C": {"LANG": "C", "LC_ALL": "C"},
    "ASCII only": {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "no environment": {name: None for name in os.environ if name != "PATH"},
}


def circumstances(work: Path) -> list[Row]:
    """Run all stages in processes of their own, in folders of any name: the same bytes."""
    rows, first = [], None
    names = ("plain", "spa ce", "ümlaut 日本", os.fsdecode(b"bad \xff utf-8"), "quo'te\"", "-dash")
    runs: list[tuple[str, dict[str, str | None], str]]
    runs = [("no terminal", {}, name) for name in names]
    runs += [(what, env, "plain") for what, env in CIRCUMSTANCES.items()]
    for number, (what, changed, name) in enumerate(runs):
        row = Row(f"{what}, folder {name!a}")
        folder = work / f"c{number}" / name
        folder.mkdir(parents=True)
        env = {key: value for key, value in (os.environ | changed).items() if value is not None}
        words = [
            sys.executable,
            "-m",
            "mfcli",
            "run",
            "demo",
            "--out",
            str(folder),
            "--config",
            str(work / "c.toml"),
            "--quiet",
        ]
        (work / "c.toml").write_text(
            "[fetch]\nusers = 200\nitems = 100\nratings = 4000\n[train]\nepochs = 2\nfactors = 4\n"
        )
        done = subprocess.run(
            words,
            env=env,
            cwd=ROOT,
            capture_output=True,
            timeout=300,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        row.times += 1
        text = done.stderr.decode("utf-8", "replace")
        if "Traceback" in text:
            row.tracebacks += 1
            row.notes.append(text[-500:])
        elif done.returncode:
            row.wrongly(f"status {done.returncode}: {text[-300:]}")
        found = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and not path.name.endswith((".lock", ".history.csv"))
        }
        first = first or found
        if found != first or len(found) != 7:
            row.wrongly(f"other files or bytes: {sorted(found)}")
        rows.append(row)
    return rows


def readers(trials: Timed, at_once: int, rounds: int) -> list[Row]:
    """Read one checkpoint from many processes while it is replaced again and again."""
    row = Row("readers of a file that is replaced")
    trial = next(trial for trial, _ in trials if trial.stage.name == "recommend")
    own = trial.folder / "model.pt"
    source = Path(trial.stage.words[1])
    for _ in range(rounds):
        trial.clear(earlier=False)
        shutil.copy(source, own)
        children = []
        for number in range(at_once):
            folder = trial.folder / str(number)
            folder.mkdir()
            words = ["recommend", str(own), "--out", str(folder / "r.csv"), "--quiet", "--k", "50"]
            children.append((folder, start(words, folder)))
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            shutil.copy(source, trial.folder / "next")
            os.replace(trial.folder / "next", own)
            time.sleep(0.01)
        for folder, child in children:
            row.times += 1
            if counted(row, child, child.wait(), (0,), "a reader") and (
                (folder / "r.csv").read_bytes() != trial.right["r.csv"]
            ):
                row.wrongly("a reader wrote other bytes")
    return [row]


def damage(data: Path, work: Path, times: int, seed: int) -> list[Row]:
    """Flip bits and cut files: refused with 3, or read as they were; in children of 100 files."""
    rows = []
    for name in ("d.npz", "model.pt"):
        row = Row(f"damaged {name}")
        for batch in range(0, times, 100):
            reading, writing = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(reading)
                bad = _damaged(data / name, work / f"damaged-{name}", 100, seed + batch)
                os.write(writing, repr(bad).encode()[:4000])
                os._exit(0)
            os.close(writing)
            with os.fdopen(reading) as text:
                problems = text.read()
            row.times += 100
            if os.waitpid(pid, 0)[1]:
                row.wrongly("a reader died of a damaged file")
            elif problems != "[]":
                row.tracebacks += 1
                row.notes.append(problems[:300])
        rows.append(row)
    return rows


def _damaged(source: Path, path: Path, times: int, seed: int) -> list[str]:
    from mfcli.artifacts import load_interactions
    from mfcli.artifacts.checkpoint import load_checkpoint
    from mfcli.errors import InputError

    load = load_interactions if source.suffix == ".npz" else load_checkpoint
    dice, whole, bad = random.Random(seed), source.read_bytes(), []
    for _ in range(times):
        content = bytearray(whole)
        for _ in range(dice.choice([1, 1, 2, 20])):
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        if dice.random() < 0.3:
            del content[dice.randrange(len(content)) :]
        path.write_bytes(content)
        try:
            load(path)
        except InputError:
            continue
        except BaseException as error:
            bad.append(repr(error))
    return bad


def many_runs(trials: Timed, times: int) -> list[Row]:
    """Ask for one user's list thousands of times in one process: nothing grows."""
    row = Row("recommend --users in one process")
    trial = next(trial for trial, _ in trials if trial.stage.name == "recommend")
    trial.clear(earlier=False)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        text = "it died"
        with contextlib.suppress(BaseException):
            text = _many(Path(trial.stage.words[1]), trial.folder, times)
        os.write(writing, text.encode()[:4000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        problem = stream.read()
    os.waitpid(pid, 0)
    row.times = times
    if problem:
        row.wrongly(problem)
    return [row]


def _many(model: Path, folder: Path, times: int) -> str:
    from mfcli.config import RecommendConfig
    from mfcli.stages.recommend import recommend

    (folder / "who").write_text("1\n")
    config = RecommendConfig(users=str(folder / "who"), workers=1)

    def state() -> tuple[int, int, int]:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        files = sum(1 for _ in folder.iterdir())
        return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir("/proc/self/fd")), files

    early = (0, 0, 0)
    for number in range(times):
        recommend(model, folder / "r.csv", config)
        if number == times // 4:
            early = state()
    late = state()
    if late[1:] != early[1:] or late[0] > early[0] + (16 << 20):
        return f"memory, open files and files went from {early} to {late}"
    return ""
