"""The stages on small data: how each is called, what it writes, and the bytes it should write."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from tests.torture.children import Child, start
from tests.torture.table import Row

EARLIER = b"an earlier output\n"


@dataclass(frozen=True)
class Stage:
    """A command: its words before --out, its options, the files that --out gets."""

    name: str
    words: tuple[str, ...]
    options: tuple[str, ...]
    out: str  # name of the file or folder
    files: tuple[str, ...]  # below the folder of a run
    trains: bool = False
    state: str = ""  # what --resume goes on from, if not the output's name and .resume


def stages(data: Path) -> list[Stage]:
    """Return every stage over what ``prepare`` made."""
    train = str(data / "split/train.npz")
    valid = ("--valid", str(data / "split/valid.npz"))
    model, test = str(data / "model.pt"), str(data / "split/test.npz")
    few = ("--factors", "16", "--quiet")
    return [
        Stage("fetch", ("fetch", str(data / "t.csv")), ("--quiet",), "d.npz", ("d.npz",)),
        Stage(
            "split",
            ("split", str(data / "d.npz")),
            ("--valid", "--quiet"),
            "s",
            ("s/train.npz", "s/test.npz", "s/valid.npz"),
        ),
        Stage(
            "train explicit",
            ("train", train),
            (*few, *valid, "--epochs", "8"),
            "m.pt",
            ("m.pt",),
            True,
        ),
        Stage(
            "train implicit",
            ("train", train),
            (*few, "--mode", "implicit", "--epochs", "3"),
            "m.pt",
            ("m.pt",),
            True,
        ),
        Stage(
            "train hogwild",
            ("train", train),
            (
                *few,
                *valid,
                "--mode",
                "hogwild",
                "--objective",
                "mse",
                "--epochs",
                "40",
                "--workers",
                "2",
                "--metric",
                "ndcg@5",
                "--patience",
                "30",
            ),
            "m.pt",
            ("m.pt",),
            True,
        ),
        Stage(
            "tune",
            ("tune", train),
            ("--quiet", "--mode", "hogwild", "--trials", "6", "--factors", "8", "--jobs", "2"),
            "b.toml",
            ("b.toml",),
            state="b.trials.csv",
        ),
        Stage(
            "evaluate",
            ("evaluate", model, test),
            ("--quiet", "--per-user", "{folder}/u.csv"),
            "m.json",
            ("m.json", "u.csv"),
        ),
        Stage("recommend", ("recommend", model), ("--quiet", "--k", "50"), "r.csv", ("r.csv",)),
    ]


def prepare(data: Path) -> None:
    """Make the inputs of all stages, in children."""
    steps: list[list[str | Path]] = [
        [
            "fetch",
            "demo",
            "--out",
            data / "sample.npz",
            "--users",
            "900",
            "--items",
            "700",
            "--ratings",
            "40000",
            "--quiet",
        ],
        ["fetch", data / "t.csv", "--out", data / "d.npz", "--quiet"],
        ["split", data / "d.npz", "--out", data / "split", "--valid", "--quiet"],
        [
            "train",
            data / "split/train.npz",
            "--out",
            data / "model.pt",
            "--epochs",
            "2",
            "--factors",
            "16",
            "--quiet",
        ],
    ]
    for step in steps:
        if "t.csv" in str(step[1]):
            _write_csv(data)
        child = start(step, data)
        status = child.wait(300)
        assert status == 0, f"{step}: {status} {child.errors}"


def _write_csv(data: Path) -> None:
    """Write the sample as a table, in a child of its own: reading it computes."""
    pid = os.fork()
    if pid == 0:
        import numpy as np

        from mfcli.artifacts import load_interactions

        matrix = load_interactions(data / "sample.npz")
        users, items = matrix.catalog.user_ids[matrix.users], matrix.catalog.item_ids
        rows = np.column_stack([users, items[matrix.indices], matrix.data])
        np.savetxt(data / "t.csv", rows, "%g", ",", header="user,item,rating", comments="")
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


class Trial:
    """A stage in a folder of its own, over earlier outputs, held against the right bytes."""

    def __init__(self, stage: Stage, folder: Path, right: dict[str, bytes]) -> None:
        self.stage, self.folder, self.right = stage, folder, right

    def clear(self, earlier: bool = True) -> None:
        """Empty the folder and put earlier outputs there."""
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        for name in self.stage.files if earlier else ():
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(EARLIER)

    def words(self, *more: str) -> list[str]:
        """Return the command line."""
        options = [word.format(folder=self.folder) for word in self.stage.options]
        return [*self.stage.words, "--out", str(self.folder / self.stage.out), *options, *more]

    def found(self) -> dict[str, bytes | None]:
        """Return the bytes of every output."""
        paths = {name: self.folder / name for name in self.stage.files}
        return {name: path.read_bytes() if path.exists() else None for name, path in paths.items()}

    def check_whole(self, row: Row, when: str, earlier: bool = True) -> None:
        """Count an output that is neither what was there nor what should be."""
        for name, content in self.found().items():
            if content not in (EARLIER if earlier else None, self.right[name]):
                row.wrongly(f"{self.stage.name}: {name} is neither the old nor the new one, {when}")

    def check_together(self, row: Row, when: str) -> None:
        """Count a split of which some parts are new and some are not."""
        if (
            self.stage.out == "s"
            and len({content == EARLIER for content in self.found().values()}) > 1
        ):
            row.wrongly(f"{self.stage.name}: some of its files are new, {when}")

    def check_untouched(self, row: Row, when: str) -> None:
        """Count an output that is not the earlier one."""
        for name, content in self.found().items():
            if content != EARLIER:
                row.wrongly(f"{self.stage.name}: {name} is not the earlier one, {when}")

    def check_done(self, row: Row, when: str) -> None:
        """Count an output that is not as it should be, and what is left beside it."""
        for name, content in self.found().items():
            if content != self.right[name]:
                row.wrongly(f"{self.stage.name}: {name} is wrong after it ran again, {when}")
        names = {
            str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()
        }
        left = names - set(self.stage.files) - {"stdout", "stderr"}
        left = {
            name for name in left if not name.endswith((".lock", ".history.csv", ".trials.csv"))
        }
        if left:
            row.wrongly(f"{self.stage.name}: {sorted(left)} are left, {when}")

    def again(self, row: Row, when: str) -> None:
        """Run the same command again, with --resume where there is a state, and check all."""
        state = self.folder / (self.stage.state or f"{self.stage.out}.resume")
        more = ["--resume"] if state.exists() else []
        child = start(self.words(*more), self.folder)
        status = child.wait()
        if counted(row, child, status, (0,), f"{self.stage.name} again, {when}"):
            self.check_done(row, when)


def counted(row: Row, child: Child, status: int | None, right: tuple[int, ...], when: str) -> bool:
    """Count a hang, a traceback or a wrong status; tell whether all was well."""
    if status is None:
        row.hangs += 1
        row.notes.append(f"hang: {when}")
    elif child.traceback:
        row.tracebacks += 1
        row.notes.append(f"{when}: {child.errors[-600:]}")
    elif status not in right:
        row.wrongly(f"status {status}, {when}: {child.errors[-300:]!r}")
    else:
        return True
    return False


def right_bytes(stage: Stage, folder: Path) -> tuple[dict[str, bytes], float]:
    """Run a stage twice without a fault; return its files and the seconds that it takes."""
    trial = Trial(stage, folder, {})
    seconds = 0.0
    for _ in range(2):  # the first one may compile
        trial.clear(earlier=False)
        child = start(trial.words(), folder)
        status = child.wait(300)
        seconds = time.monotonic() - child.began
        assert status == 0, f"{stage.name}: {status} {child.errors}"
    return {name: (folder / name).read_bytes() for name in stage.files}, seconds
