"""Write the zoo: one small file of every kind and every model that mfcli writes.

    python tests/zoo/make.py FOLDER

The files in the zoo were written once, by the state of mfcli that FOLDER/expected.json names, and
are not made anew: they stand for the files that users have on their disks. Tests read them with
the mfcli of today and hold what comes out against expected.json. This script says how they came
about, and makes the files of further kinds; whoever runs it again gets the zoo of another version.

All data is drawn here from a fixed seed: 30 users, 20 items, some 200 rows. What is written differs
from run to run in timings (histories, trials.csv, reports) and in where the interrupted trainings
were cut off; the rest repeats.

What expected.json holds, all of it as mfcli itself said it when the files were written:

matrices  users, items, ratings, sum of the values, sum of the times (null where there are none),
          and whether there are names
models    the options of train; ``pairs``, (user, item, score) of ``recommend --pairs``, with ids
          that train knows, has no row of, and never heard of; ``top``, (user, item, score) of the
          first user's three best items; ``folded``, the same of a new user (``recommend
          --history``), null where the model cannot
resumed   the command that goes on with a ``model.pt.resume`` (a copy of it: it goes away), and the
          ``pairs`` and ``top`` of the same training uninterrupted
metrics   metrics, and where there are: sd, and the metrics of each model, fold and repeat
tables    rows, columns and the sum of the scores of each table of results
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import re
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import scipy.sparse

SEED = 20240229
N_USERS, N_ITEMS, N_ROWS = 30, 20, 200
CUTOFF = 1_000_400  # of times that go from 1,000,000 to 1,000,500
LARGEST_PAGE = 60_000  # bytes of a report

Row = tuple[Any, ...]

# Small, and far enough from the start that every part of a score shows in it.
SMALL = ("--factors", "4", "--epochs", "2", "--workers", "1", "--seed", "7")
DRAWN = ("--init", "normal:0.5")
LAYERS = ("--init", "uniform:-1:1", "--learning-rate", "0.05")
BIASES = ("--bias-init", "normal:0.3")


def legal() -> Iterable[tuple[str, str, str]]:
    """Yield every model, objective and engine that go together; "" where there is no objective."""
    pointwise_and_sampled = ("mse", "bpr", "bpr-squared", "logistic")
    for objective in pointwise_and_sampled:
        for model in ("mf", "biased-mf", "neural"):
            yield model, objective, "minibatch"
    for objective in (*pointwise_and_sampled, "warp"):
        for model in ("mf", "biased-mf"):
            yield model, objective, "hogwild"
    yield "svdpp", "mse", "hogwild"
    yield "mf", "mse", "als"
    yield "biased-mf", "mse", "als"
    yield "mf", "ials", "als"
    yield "bias", "mse", "closed-form"
    yield "popularity", "", "closed-form"


def trainings() -> dict[str, tuple[str, list[str]]]:
    """Return name → (matrix, options of train) of every model but those with a start or a file."""
    made: dict[str, tuple[str, list[str]]] = {}
    for model, objective, engine in legal():
        options = ["--model", model, "--engine", engine]
        options += ["--objective", objective] if objective else []
        options += ["--seed", "7"] if engine == "closed-form" else SMALL
        if engine in ("minibatch", "hogwild") and model != "neural":
            options += DRAWN
            options += BIASES if model != "mf" else ()
        options += LAYERS if model == "neural" else ()
        matrix = "split/train.npz" if objective == "mse" else "likes/train.npz"
        made["-".join(filter(None, (model, objective, engine)))] = (matrix, options)

    def explicit(*more: str, matrix: str = "split/train.npz") -> tuple[str, list[str]]:
        return matrix, ["--mode", "explicit", *SMALL, *DRAWN, *more]

    watched = ["--valid", "split/valid.npz", "--schedule", "constant"]
    free = ["--mode", "hogwild", "--objective", "mse", "--order", "free", *SMALL, *DRAWN]
    ials = ["--objective", "ials", *SMALL]
    made |= {
        "text-ids": explicit(matrix="matrices/text.npz"),
        "zero-ratings": explicit(matrix="matrices/zeros.npz"),
        "clicks": ("matrices/clicks.npz", ["--mode", "implicit", *SMALL, *DRAWN]),
        "wide-scale-minibatch": explicit(matrix="matrices/hundred.npz"),
        "wide-scale-hogwild": (
            "matrices/hundred.npz",
            ["--mode", "hogwild", "--objective", "mse", *SMALL],
        ),
        "wide-scale-als": (
            "matrices/hundred.npz",
            ["--objective", "mse", "--engine", "als", *SMALL],
        ),
        "wide-scale-svdpp": ("matrices/hundred.npz", ["--model", "svdpp", *SMALL]),
        "wide-scale-given-unit": explicit("--rating-unit", "25", matrix="matrices/hundred.npz"),
        "wide-scale-no-unit": explicit("--rating-unit", "1", matrix="matrices/hundred.npz"),
        "no-global-mean": explicit("--no-global-mean"),
        "biases-only": ("split/train.npz", ["--factors", "0", "--epochs", "2", "--workers", "1"]),
        "sparse-adam": explicit("--optimizer", "sparse-adam"),
        "dropout-and-decay": explicit("--dropout", "0.2", "--weight-decay", "0.01"),
        "neural-two-widths": (
            "split/train.npz",
            [
                "--model",
                "neural",
                "--item-factors",
                "3",
                "--hidden",
                "5",
                "--hidden",
                "3",
                *SMALL,
                *LAYERS,
            ],
        ),
        "order-free": ("split/train.npz", free),
        "early-stopping": explicit(
            *watched,
            "--epochs",
            "40",
            "--learning-rate",
            "0.5",
            "--patience",
            "2",
        ),
        "early-stopping-by-metric": (
            "likes/train.npz",
            [
                "--mode",
                "hogwild",
                *SMALL,
                "--valid",
                "likes/valid.npz",
                "--metric",
                "ndcg@5",
                "--metric",
                "auc",
                "--patience",
                "1",
            ],
        ),
        "ials-linear": (
            "matrices/plays.npz",
            [*ials, "--confidence", "linear", "--alpha", "0.5"],
        ),
        "ials-log": ("matrices/plays.npz", [*ials, "--confidence", "log"]),
        "ials-blocks": (
            "likes/train.npz",
            [
                *ials,
                "--block-size",
                "2",
                "--unobserved-weight",
                "0.2",
                "--regularization-exponent",
                "0.5",
            ],
        ),
        "weighted-positives": (
            "matrices/plays.npz",
            [
                "--mode",
                "hogwild",
                *SMALL,
                *DRAWN,
                "--positive-weight",
                "log",
                "--negative-power",
                "0.5",
            ],
        ),
        "staged": ("split/train.npz", ["--config", "sources/staged.toml"]),
        "grown": explicit(
            "--init-from", "models/biased-mf-mse-minibatch.pt", matrix="matrices/grown.npz"
        ),
    }
    return made


# Trainings that are interrupted after some epochs: slow ones, so that a signal meets them.
INTERRUPTED: dict[str, tuple[str, list[str]]] = {
    "minibatch": (
        "split/train.npz",
        [
            "--mode",
            "explicit",
            "--factors",
            "4",
            "--epochs",
            "60",
            "--batch-size",
            "1",
            "--workers",
            "1",
            *DRAWN,
        ],
    ),
    "hogwild": (
        "likes/train.npz",
        [
            "--mode",
            "hogwild",
            "--factors",
            "4",
            "--epochs",
            "60",
            "--workers",
            "1",
            "--negatives",
            "10000",
            "--learning-rate",
            "0.0001",
        ],
    ),
    "staged": (
        "split/train.npz",
        ["--config", "sources/slow.toml", "--valid", "split/valid.npz"],
    ),
}


class Zoo:
    """The folder that is filled, and mfcli called inside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.expected: dict[str, Any] = {
            "matrices": {},
            "models": {},
            "resumed": {},
            "metrics": {},
            "tables": {},
        }

    def mfcli(self, *words: str, also: int = 0) -> str:
        """Run ``python -m mfcli`` in the folder and return its standard output.

        It has to end with status 0, or with ``also``.

        In this process, as far as that goes: a process of its own a command takes minutes more.
        """
        said, complaints = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
        status: Any = 0
        with (
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(complaints),
            words_of_the_command("mfcli", *words),
        ):
            try:
                runpy.run_module("mfcli", run_name="__main__", alter_sys=True)
            except SystemExit as end:
                status = end.code
        if status not in (0, None, also):
            raise RuntimeError(f"mfcli {' '.join(words)}: {status}\n{complaints.getvalue()}")
        said.flush()
        return said.buffer.getvalue().decode()

    def path(self, name: str) -> Path:
        """Return the path of a file, whose folder is there then."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    # ---- sources ---------------------------------------------------------------------------

    def write_sources(self) -> None:
        """Draw the tables that everything is made from."""
        random = np.random.default_rng(SEED)
        rows = drawn_rows(random)
        self._table("ratings.csv", ["userId", "itemId", "rating", "timestamp"], rows)
        users, items = text_ids("u", N_USERS + 1), text_ids("i", N_ITEMS + 1)
        named = [(users[u], items[i - 100], r, t) for u, i, r, t in rows]
        self._table("named.csv", ["user", "item", "rating", "timestamp"], named)
        titles = [(entry, f'Title "{n}", für €{n}') for n, entry in enumerate(items)]
        self._table("names.csv", ["item_id", "name"], titles)
        zeros = [(u, i, max(0.0, r - 2)) for u, i, r, _ in rows]
        self._table("zeros.csv", ["user", "item", "rating"], zeros)
        self._table("clicks.csv", ["user", "item"], [(u, i) for u, i, _, _ in rows])
        plays = [
            (u, i, int(n))
            for (u, i, _, _), n in zip(rows, random.geometric(0.1, len(rows)), strict=True)
        ]
        self._table("plays.csv", ["user", "item", "rating"], plays)
        noise = random.integers(-8, 9, len(rows))
        hundred = [
            (u, i, int(np.clip(r * 20 + n, 0, 100)))
            for (u, i, r, _), n in zip(rows, noise, strict=True)
        ]
        self._table("hundred.csv", ["user", "item", "rating"], hundred)
        # New users and items whose ids stand before, between and behind those that were there.
        new = [
            (0, 101, 3.0, 1_000_000),
            (0, 55, 4.0, 1_000_001),
            (3, 55, 2.5, 1_000_002),
            (99, 110, 5.0, 1_000_003),
            (99, 500, 1.0, 1_000_004),
            (7, 500, 2.0, 1_000_005),
        ]
        self._table("grown.csv", ["userId", "itemId", "rating", "timestamp"], [*rows, *new])
        # Known ids, a user and an item without a row in train, and ids that nobody has seen.
        pairs = [
            (1, 101),
            (1, 120),
            (2, 105),
            (5, 110),
            (17, 103),
            (29, 119),
            (30, 101),
            (30, 120),
            (1, 999),
            (999, 101),
            (999, 999),
        ]
        self._table("pairs.csv", ["user_id", "item_id"], pairs)
        self._table(
            "pairs-text.csv",
            ["user_id", "item_id"],
            [(users[u % 31], items[(i - 100) % 21]) for u, i in pairs[:8]],
        )
        self._table(
            "new.csv",
            ["user", "item", "rating"],
            [(1000, 102, 5), (1000, 105, 4), (1000, 107, 1), (1000, 113, 5)],
        )
        self._table(
            "new-text.csv",
            ["user", "item", "rating"],
            [("new", items[n], r) for n, r in ((2, 5), (5, 4), (13, 1))],
        )
        self._table(
            "candidates.csv",
            ["user", "item"],
            [(u, i) for u in range(1, 31) for i in range(101, 121, 2)],
        )
        self.path("sources/staged.toml").write_text(STAGED, "utf-8")
        self.path("sources/slow.toml").write_text(SLOW, "utf-8")
        self.path("sources/run.toml").write_text(RUN, "utf-8")
        self.path("sources/folds.toml").write_text(FOLDS, "utf-8")
        self.path("sources/repeats.toml").write_text(REPEATS, "utf-8")

    def _table(self, name: str, head: Sequence[str], rows: Iterable[Row]) -> None:
        with self.path(f"sources/{name}").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(head)
            writer.writerows(rows)

    # ---- files -----------------------------------------------------------------------------

    def write_matrices(self) -> None:
        """Write interactions and splits."""
        for source, name, *options in (
            ("ratings", "ints"),
            ("ratings", "likes", "--threshold", "4"),
            ("zeros", "zeros"),
            ("named", "text", "--item-names", "sources/names.csv"),
            ("clicks", "clicks"),
            ("plays", "plays"),
            ("hundred", "hundred"),
            ("grown", "grown"),
        ):
            self.path(f"matrices/{name}.npz")
            self.mfcli("fetch", f"sources/{source}.csv", "--out", f"matrices/{name}.npz", *options)
        latest = ("--strategy", "latest", "--cutoff", str(CUTOFF), "--valid")
        self.mfcli("split", "matrices/ints.npz", "--out", "split", *latest)
        self.mfcli("split", "matrices/ints.npz", "--out", "likes", "--threshold", "3.5", *latest)
        self.mfcli("split", "matrices/ints.npz", "--out", "folds", "--folds", "3")

    def write_models(self) -> None:
        """Train every model, and keep some of the histories."""
        for name, (matrix, options) in trainings().items():
            out = f"models/{name}.pt"
            self.path(out)
            self.mfcli("train", matrix, "--out", out, *options)
            self.expected["models"][name] = {
                "matrix": matrix,
                "options": options,
                **self.measured(out, matrix),
            }
        kept = {"biased-mf-mse-minibatch", "early-stopping-by-metric", "staged"}
        for history in sorted((self.folder / "models").glob("*.history.csv")):
            if history.name.removesuffix(".history.csv") not in kept:
                history.unlink()

    def measured(self, model: str, matrix: str) -> dict[str, Any]:
        """Return what a model says of fixed pairs, of its first user, and of a new one."""
        ending = "-text" if matrix == "matrices/text.npz" else ""
        asked = f"sources/pairs{ending}.csv"
        pairs = rows_of(self.mfcli("recommend", model, "--out", "-", "--pairs", asked))
        first = pairs[0]["user_id"]
        with tempfile.TemporaryDirectory() as scratch:
            users = Path(scratch) / "users.txt"
            users.write_text(f"{first}\n", "utf-8")
            top = rows_of(
                self.mfcli("recommend", model, "--out", "-", "--k", "3", "--users", str(users))
            )
        folded = None
        if not model.startswith("models/neural"):
            new = f"sources/new{ending}.csv"
            folded = rows_of(
                self.mfcli("recommend", model, "--out", "-", "--k", "3", "--history", new)
            )
        return {
            "pairs_file": asked,
            "pairs": triples(pairs),
            "top": triples(top),
            "folded": None if folded is None else triples(folded),
        }

    def write_resumes(self) -> None:
        """Interrupt trainings, and measure what they would have become."""
        for name, (matrix, options) in INTERRUPTED.items():
            out = f"resume/{name}/model.pt"
            self.path(out)
            process = subprocess.Popen(
                [sys.executable, "-m", "mfcli", "train", matrix, "--out", out, *options],
                cwd=self.folder,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith("epoch 7/"):
                    process.send_signal(signal.SIGINT)
                    break
            process.communicate(timeout=120)
            if process.returncode != 130:
                raise RuntimeError(f"the training {name} was not interrupted")
            with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
                whole = f"{Path(scratch).name}/model.pt"
                self.mfcli("train", matrix, "--out", whole, *options)
                found = self.measured(whole, matrix)
            command = ["train", matrix, "--out", out, *options, "--resume"]
            self.expected["resumed"][name] = {"command": command, **found}

    def write_results(self) -> None:
        """Evaluate, recommend, compare, export and search."""
        explicit, ials = "models/biased-mf-mse-minibatch.pt", "models/mf-ials-als.pt"
        hogwild, text = "models/biased-mf-bpr-hogwild.pt", "models/text-ids.pt"
        for name in ("metrics", "recommendations", "similar", "tune"):
            self.path(f"{name}/-")
        small = ("--k", "3", "--resamples", "50")
        evaluate = ("evaluate", hogwild)
        self.mfcli(
            "evaluate",
            explicit,
            "split/test.npz",
            "--out",
            "metrics/one.json",
            "--k",
            "3",
            "--k",
            "5",
            "--per-user",
            "metrics/per-user.csv",
        )
        self.mfcli(
            *evaluate,
            ials,
            "models/popularity-closed-form.pt",
            "likes/test.npz",
            "--out",
            "metrics/compared.json",
            *small,
            "--per-user",
            "metrics/compared-per-user.csv",
        )
        # A gate that is not met ends with status 6, and metrics.json is there all the same.
        self.mfcli(
            *evaluate,
            "likes/test.npz",
            "--out",
            "metrics/baseline.json",
            *small,
            "--beat",
            "popularity",
            also=6,
        )
        self.mfcli(
            *evaluate, "likes/test.npz", "--out", "metrics/sampled.json", *small, "--sampled", "5"
        )
        self.mfcli(
            *evaluate,
            "likes/test.npz",
            "--out",
            "metrics/candidates.json",
            *small,
            "--candidates",
            "sources/candidates.csv",
        )
        for ending in ("csv", "csv.gz", "parquet", "jsonl"):
            out = f"recommendations/text.{ending}"
            self.mfcli("recommend", text, "--out", out, "--k", "3")
        self.mfcli("recommend", hogwild, "--out", "recommendations/ints.csv", "--k", "3")
        self.mfcli(
            "recommend",
            hogwild,
            "--out",
            "recommendations/parts/",
            "--k",
            "3",
            "--part-users",
            "12",
        )
        self.mfcli(
            "recommend",
            text,
            "--out",
            "recommendations/parts-csv/",
            "--k",
            "3",
            "--part-users",
            "20",
            "--format",
            "csv.gz",
        )
        for ending in ("csv", "parquet"):
            self.mfcli(
                "recommend",
                explicit,
                "--out",
                f"recommendations/pairs.{ending}",
                "--pairs",
                "sources/pairs.csv",
            )
        self.mfcli("similar", text, "--out", "similar/items.csv", "--k", "3")
        self.mfcli("similar", ials, "--out", "similar/items.parquet", "--k", "3", "--by", "dot")
        self.mfcli("similar", explicit, "--out", "similar/users.jsonl", "--k", "2", "--users")
        self.mfcli("export", text, "--out", "export")
        self.mfcli(
            "tune",
            "likes/train.npz",
            "--out",
            "tune/best.toml",
            "--mode",
            "hogwild",
            "--factors",
            "4",
            "--range",
            "epochs=2,4",
            "--trials",
            "3",
            "--jobs",
            "1",
            "--metric",
            "ndcg@5",
            "--metric",
            "auc",
            "--seed",
            "7",
        )

    def write_runs(self) -> None:
        """Run all stages: once, over folds, and several times; and a page on the first."""
        made = ("run", "sources/ratings.csv", "--config", "sources/run.toml")
        self.mfcli(*made, "--out", "run")
        self.mfcli(
            "run",
            "sources/ratings.csv",
            "--config",
            "sources/folds.toml",
            "--folds",
            "2",
            "--out",
            "run-folds",
        )
        self.mfcli(
            "run",
            "sources/ratings.csv",
            "--config",
            "sources/repeats.toml",
            "--repeats",
            "2",
            "--out",
            "run-repeats",
        )
        self.mfcli("report", "run", "--out", "report.html", "--users", "1")
        if (self.folder / "report.html").stat().st_size > LARGEST_PAGE:
            (self.folder / "report.html").unlink()

    # ---- what is in them -------------------------------------------------------------------

    def note(self) -> None:
        """Fill in what expected.json says of matrices, metrics and tables."""
        for path in sorted(self.folder.rglob("*.npz")):
            self.expected["matrices"][self.name(path)] = counts_of(path)
        for path in sorted(self.folder.rglob("*.json")):
            content = json.loads(path.read_text("utf-8"))
            if "metrics" in content:
                self.expected["metrics"][self.name(path)] = metrics_of(content)
        for folder in ("recommendations", "similar", "run", "export"):
            for path in sorted((self.folder / folder).rglob("*.*")):
                if path.name.endswith(TABLES) and "history" not in path.name:
                    self.expected["tables"][self.name(path)] = table_of(path)

    def name(self, path: Path) -> str:
        """Return the name that expected.json has for a file."""
        return path.relative_to(self.folder).as_posix()

    def make(self) -> None:
        """Fill the folder."""
        self.expected = {"made_by": self.mfcli("--version").strip(), **self.expected}
        self.write_sources()
        self.write_matrices()
        self.write_models()
        self.write_resumes()
        self.write_results()
        self.write_runs()
        for lock in [*self.folder.rglob("*.lock"), *self.folder.rglob(".*.lock")]:
            lock.unlink(missing_ok=True)
        self.note()
        self.path("expected.json").write_text(f"{compact(self.expected)}\n", "utf-8")


@contextlib.contextmanager
def words_of_the_command(*words: str) -> Iterator[None]:
    """Let ``sys.argv`` be a command, and Ctrl-C what it was, which mfcli's end turns off."""
    before, on_interrupt = sys.argv, signal.getsignal(signal.SIGINT)
    sys.argv = list(words)
    try:
        yield
    finally:
        sys.argv = before
        signal.signal(signal.SIGINT, on_interrupt)


STAGED = """\
[train]
model = "mf"
factors = 4
batch-size = "full"
init = "normal:0.5"
workers = 1

[[train.stages]]
epochs = 2
learning-rate = 0.1

[[train.stages]]
epochs = 1
learning-rate = 0.01
optimizer = "sgd"
"""

# The interruption meets its second stage; early stopping keeps the best weights in the state.
SLOW = """\
[train]
model = "biased-mf"
objective = "mse"
engine = "minibatch"
factors = 4
batch-size = 1
init = "normal:0.5"
workers = 1
patience = 50

[[train.stages]]
epochs = 4
learning-rate = 0.02

[[train.stages]]
epochs = 50
learning-rate = 0.005
"""

RUN = """\
[split]
strategy = "fraction"
test-fraction = 0.2
valid = true

[train]
factors = 4
epochs = 3
workers = 1

[evaluate]
k = [3]
resamples = 50

[recommend]
k = 3
"""

FOLDS = """\
[train]
mode = "hogwild"
objective = "mse"
factors = 4
epochs = 2
workers = 1

[evaluate]
metric = ["rmse", "ndcg@3"]
resamples = 20
"""

REPEATS = f"""\
{FOLDS}
[split]
n = 2
"""

TABLES = (".csv", ".csv.gz", ".parquet", ".jsonl")


def drawn_rows(random: np.random.Generator) -> list[Row]:
    """Draw (user, item, rating, time): users 1 … 30, items 101 … 120, two tastes, half stars.

    User 30 and item 120 come only after the cutoff, so train does not know them.
    """
    share = 1 / np.arange(2, N_ITEMS + 2)
    rows: dict[tuple[int, int], Row] = {}
    while len(rows) < N_ROWS:
        user = int(random.integers(N_USERS))
        item = int(random.choice(N_ITEMS, p=share / sum(share)))
        liked = (user % 2 == item % 2) - 0.5
        rating = float(np.clip(np.round(2 * (3.3 + 1.6 * liked + random.normal(0, 0.6))) / 2, 1, 5))
        late = user == N_USERS - 1 or item == N_ITEMS - 1
        time = int(
            random.integers(CUTOFF, 1_000_500) if late else random.integers(1_000_000, 1_000_500)
        )
        rows[user, item] = (user + 1, item + 101, rating, time)
    return list(rows.values())


def text_ids(letter: str, n: int) -> list[str]:
    """Return ids that are no numbers: leading zeros, other letters, what spreadsheets might run."""
    odd = ["007", "ä" + letter, "=1+1", "a,b", 'q"q', "x y", "日本", "-5.0"]
    return [*odd[: n // 2], *(f"{letter}{number:02d}" for number in range(n - len(odd[: n // 2])))]


def rows_of(text: str) -> list[dict[str, str]]:
    """Read CSV."""
    return list(csv.DictReader(text.splitlines()))


def triples(rows: list[dict[str, str]]) -> list[list[Any]]:
    """Return (user, item, score) of rows; ids as they are written."""
    return [[row["user_id"], row["item_id"], float(row["score"])] for row in rows]


def counts_of(path: Path) -> dict[str, Any]:
    """Return the counts and sums of a matrix, by other readers than mfcli's."""
    matrix = scipy.sparse.csr_matrix(scipy.sparse.load_npz(path))
    with np.load(path, allow_pickle=False) as arrays:
        times = int(arrays["timestamps"].sum()) if "timestamps" in arrays else None
        names = "item_names" in arrays
    return {
        "users": matrix.shape[0],
        "items": matrix.shape[1],
        "ratings": matrix.nnz,
        "sum": float(matrix.data.sum(dtype=np.float64)),
        "times": times,
        "names": names,
    }


def metrics_of(content: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a metrics.json."""
    found: dict[str, Any] = {name: content[name] for name in ("metrics", "sd") if name in content}
    for several in ("models", "folds", "repeats"):
        if several in content:
            found[several] = [entry["metrics"] for entry in content[several]]
    return found


def table_of(path: Path) -> dict[str, Any]:
    """Return the number of rows, the columns, and the sum of scores of a table of results."""
    name = path.name
    if name.endswith(".parquet"):
        rows = pyarrow.parquet.read_table(path).to_pylist()
    elif name.endswith(".jsonl"):
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    elif name.endswith(".gz"):
        rows = rows_of(gzip.decompress(path.read_bytes()).decode())
    else:
        rows = rows_of(path.read_text("utf-8"))
    scores = [float(row["score"]) for row in rows if row.get("score") not in (None, "")]
    return {"rows": len(rows), "columns": list(rows[0]), "score": sum(scores) if scores else None}


def compact(document: Any) -> str:
    """Return JSON that is indented, but for its innermost lists, which have a line each."""
    text = json.dumps(document, indent=1, ensure_ascii=False)
    innermost = re.compile(r"\[\s+([^\[\]{}]*?)\s+\]")
    return innermost.sub(lambda found: "[" + re.sub(r"\n *", " ", found[1]) + "]", text)


def main() -> None:
    """Fill the folder that is named, which has to be new or empty."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1]).resolve()
    if folder.exists() and any(folder.iterdir()):
        sys.exit(f"{folder} is not empty: name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < 10_000_000:
        sys.exit(f"{folder}: the disk is full")
    Zoo(folder).make()


if __name__ == "__main__":
    main()
