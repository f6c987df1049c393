"""Twenty tasks of a newcomer: where each is answered, and that the answer works.

The tasks were written before the pages were read. What answers one is a line of a page, as
``mfcli help PAGE`` shows it; the line is run here, on the sample.
"""

from __future__ import annotations

import re
import shlex
import shutil
import warnings
from pathlib import Path
from typing import NamedTuple

import pytest

import mfcli
from mfcli.console.pages import plain_text, without_links
from mfcli.errors import MfcliWarning
from tests.nights.shops import QUICK, clicks, table

DOCS = Path(mfcli.__file__).parent / "docs"


class Task(NamedTuple):
    """What somebody wants, the page and the line that answer it.

    smaller: options added here, for speed. makes: what is there afterwards. shows: what is shown.
    status: with what it ends.
    """

    wanted: str
    page: str
    line: str
    smaller: str = ""
    makes: str = ""
    shows: str = ""
    status: int = 0


TASKS = (
    Task(
        "see it work without data of my own",
        "data",
        "mfcli run demo --out demo-run",
        smaller="--config small.toml",
        makes="demo-run/recommendations.csv",
    ),
    Task(
        "read my table of ratings",
        "data",
        "mfcli fetch clicks.csv --out data/clicks.npz",
        makes="data/clicks.npz",
    ),
    Task(
        "name the columns of a table without a header",
        "data",
        "mfcli fetch jester_ratings.dat --columns user=1,item=3,rating=5 --out jester.npz",
        makes="jester.npz",
    ),
    Task(
        "take only ratings of 4 and more as likes",
        "data",
        "mfcli split data/ml-100k.npz --out data/likes --threshold 4",
        smaller="--n 3",
        makes="data/likes/test.npz",
    ),
    Task(
        "test on what happened after a date",
        "data",
        "mfcli split clicks.npz --out split --strategy latest --cutoff 2024-12-31",
        smaller="--cutoff 2023-11-20",
        makes="split/test.npz",
    ),
    Task(
        "recommend from clicks, where nobody rates",
        "training",
        "mfcli train data/likes/train.npz --mode hogwild --out model.pt",
        smaller="--epochs 1 --factors 4",
        makes="model.pt",
    ),
    Task(
        "go on with a training that was interrupted",
        "training",
        "mfcli train data/split/train.npz --out model.pt --resume-if-any",
        smaller="--epochs 1 --factors 4",
        makes="model.pt",
    ),
    Task(
        "find good settings",
        "training",
        "mfcli tune train.npz --mode hogwild --objective warp --trials 30 --metric ndcg@10"
        " --out best.toml",
        smaller="--trials 2 --rungs 1 --range epochs=1,2 --range factors=2,4 --jobs 1",
        makes="best.toml",
    ),
    Task(
        "know how good a model is",
        "evaluating",
        "mfcli evaluate model.pt test.npz --out metrics.json",
        makes="metrics.json",
        shows="ndcg@10",
    ),
    Task(
        "compare three models",
        "evaluating",
        "mfcli evaluate a.pt b.pt c.pt test.npz",
        smaller="--resamples 50",
        shows="c.pt",
    ),
    Task(
        "keep a model that is worse than popular items from going out",
        "evaluating",
        "mfcli evaluate model.pt test.npz --fail-under ndcg@10=0.2 --beat popularity",
        smaller="--fail-under ndcg@10=0.99",  # more than such a small shop has to give
        status=6,
    ),
    Task(
        "show the results to somebody",
        "evaluating",
        "mfcli report run --out report.html",
        makes="report.html",
    ),
    Task(
        "recommend for user 42",
        "recommending",
        "echo 42 | mfcli recommend model.pt --users - --out -",
        shows="\n42,",
    ),
    Task(
        "leave out what is sold out",
        "recommending",
        "mfcli recommend model.pt --out recs.csv --exclude-items sold-out.txt",
        makes="recs.csv",
    ),
    Task(
        "recommend to somebody who came after the training",
        "recommending",
        "mfcli recommend model.pt --history new.csv --out recs.csv",
        makes="recs.csv",
    ),
    Task(
        "find items like this one",
        "recommending",
        "mfcli similar model.pt --out similar.csv --of some-items.txt",
        makes="similar.csv",
    ),
    Task(
        "make lists every night",
        "nightly",
        "mfcli nightly shop.toml",
        makes="shop/current/recommendations.csv",
    ),
    Task(
        "undo last night",
        "nightly",
        "mfcli nightly shop.toml --rollback previous",
        shows="current",
    ),
    Task("see what is in a file", "files", "mfcli inspect model.pt", shows="factors"),
    Task("use it from pandas", "python", "data = mfcli.read(frame)", shows="ndcg@10"),
)


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory, cli):
    """Make what the tasks begin with, under the names that the pages use."""
    home = tmp_path_factory.mktemp("kitchen")
    rows = clicks(12, n_users=60)
    for name in ("clicks.csv", "ratings.csv"):
        (home / name).write_text(table(rows))
    (home / "data").mkdir()

    def run(*words: str | Path) -> None:
        result = cli(*words, "--quiet")
        assert result.exit_code == 0, result.stderr

    run("fetch", home / "clicks.csv", "--out", home / "clicks.npz")
    shutil.copy(home / "clicks.npz", home / "data/ml-100k.npz")
    run("split", home / "clicks.npz", "--out", home / "data/split", "--n", "3", "--valid")
    shutil.copytree(home / "data/split", home / "data/likes")
    for name in ("train", "test"):
        shutil.copy(home / f"data/split/{name}.npz", home / f"{name}.npz")
    for name in ("model", "a", "b", "c"):
        some = ["--epochs", "2", "--factors", "4"] if name == "model" else ["--model", "popularity"]
        run("train", home / "train.npz", "--out", home / f"{name}.pt", *some)
    (home / "jester_ratings.dat").write_text("1\t\t5\t\t2.5\n1\t\t6\t\t-3\n2\t\t5\t\t1\n")
    (home / "small.toml").write_text(
        "[fetch]\nusers = 60\nitems = 40\nratings = 900\n[split]\nn = 2\n"
        "[train]\nepochs = 1\nfactors = 4\n"
    )
    for name in ("sold-out.txt", "some-items.txt"):
        (home / name).write_text("7\n8\n")
    (home / "new.csv").write_text("user,item,rating\n900,7,4\n900,8,5\n")
    (home / "shop.toml").write_text(f'[nightly]\nsource = "clicks.csv"\nfolder = "shop"\n{QUICK}')
    return home


@pytest.fixture
def there(kitchen, tmp_path, monkeypatch):
    """Go to a folder of one's own with all of it."""
    shutil.copytree(kitchen, tmp_path / "home")
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


def prepare(task: Task, there: Path, cli) -> None:
    """Do what a task is about: a run to report on, two nights, users who are known."""
    if task.page == "evaluating" and "report" in task.line:
        assert cli("run", "demo", "--out", "run", "--config", "small.toml").exit_code == 0
    if "rollback" in task.line:
        for day in (12, 13):
            (there / "clicks.csv").write_text(table(clicks(day, n_users=60)))
            result = cli("nightly", "shop.toml")
            assert result.exit_code == 0, result.stderr


def of_python(capsys) -> str:
    """Run the blocks of the page on Python one after the other; return what they print."""
    text = (DOCS / "python.md").read_text("utf-8")
    names: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MfcliWarning)  # a tiny shop is worth some
        for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            exec(block, names)  # the page's own
    return str(capsys.readouterr().out)


def test_there_are_twenty() -> None:
    assert len(TASKS) == len({task.wanted for task in TASKS}) == 20


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.wanted)
def test_a_page_answers_and_the_answer_works(task, there, cli, capsys):
    page = plain_text(without_links((DOCS / f"{task.page}.md").read_text("utf-8")))
    assert re.search(rf"^ *{re.escape(task.line)}( |$)", page, re.MULTILINE)
    prepare(task, there, cli)
    if task.page == "python":
        assert task.shows in of_python(capsys)
        return
    given, _, line = task.line.rpartition(" | ")
    words = [*shlex.split(line)[1:], *shlex.split(task.smaller)]
    if task.line.startswith("echo "):
        given = f"{shlex.split(given)[1]}\n"
    result = cli(*words, input=given.encode() if given else None)
    assert result.exit_code == task.status, result.stderr
    assert not task.makes or (there / task.makes).is_file()
    assert task.shows in result.stdout
