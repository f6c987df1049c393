"""Files that earlier versions of mfcli wrote are read, for ever, and mean what they meant.

``tests/zoo/files`` holds small files of every kind and of every model, written by the version that
``expected.json`` names; ``tests/zoo/make.py`` says how. They are never made anew: a test that fails
here has found a file on somebody's disk that mfcli no longer reads. What a new version writes joins
them in a folder of its own.
"""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from mfcli.artifacts import load_interactions
from tests.conftest import Cli, CliResult
from tests.zoo.make import counts_of, metrics_of, table_of

FILES = Path(__file__).parent / "zoo/files"
EXPECTED = json.loads((FILES / "expected.json").read_text("utf-8"))
MATRICES = sorted(path.relative_to(FILES).as_posix() for path in FILES.rglob("*.npz"))
SMALL = ("--factors", "4", "--epochs", "2", "--workers", "1", "--quiet")

Command = Callable[..., str]


@pytest.fixture(scope="module")
def copied(tmp_path_factory) -> Path:
    """Return a copy of the zoo, which commands may write beside."""
    return Path(shutil.copytree(FILES, tmp_path_factory.mktemp("zoo") / "files"))


@pytest.fixture
def run(cli: Cli, copied: Path, monkeypatch) -> Command:
    """Run a command that ends well inside the copy, and return its standard output."""
    monkeypatch.chdir(copied)

    def run(*words: str | Path) -> str:
        result: CliResult = cli(*words)
        assert result.exit_code == 0, f"mfcli {' '.join(map(str, words))}: {result.stderr}"
        return result.stdout

    return run


def triples(text: str) -> list[tuple[str, str, float]]:
    """Read (user, item, score) of CSV."""
    rows = csv.DictReader(text.splitlines())
    return [(row["user_id"], row["item_id"], float(row["score"])) for row in rows]


def assert_same(text: str, expected: list[list[Any]], within: float = 1e-5) -> None:
    """Hold rows of CSV against (user, item, score): the same pairs, scores within a distance."""
    found = triples(text)
    assert [row[:2] for row in found] == [tuple(row[:2]) for row in expected]
    assert [row[2] for row in found] == pytest.approx([row[2] for row in expected], abs=within)


def assert_scores(run: Command, model: str, expected: dict[str, Any]) -> None:
    """Hold what a model says of fixed pairs, of its first user and of a new one."""
    out = ("recommend", model, "--out", "-", "--quiet")
    assert_same(run(*out, "--pairs", expected["pairs_file"]), expected["pairs"])
    Path("user.txt").write_text(expected["top"][0][0] + "\n", "utf-8")
    assert_same(run(*out, "--k", "3", "--users", "user.txt"), expected["top"])
    if expected["folded"] is not None:
        history = expected["pairs_file"].replace("pairs", "new")
        assert_same(run(*out, "--k", "3", "--history", history), expected["folded"], 1e-4)


@pytest.mark.parametrize("name", EXPECTED["models"])
def test_a_model_scores_as_it_did(run, name):
    model, expected = f"models/{name}.pt", EXPECTED["models"][name]
    assert_scores(run, model, expected)
    assert json.loads(run("inspect", model, "--json"))["kind"] == "model"
    split = Path(expected["matrix"]).parent
    if split.name in ("split", "likes"):
        run("evaluate", model, split / "test.npz", "--k", "3", "--resamples", "10", "--quiet")


def test_all_models_and_matrices_of_the_zoo_are_expected():
    models = {path.stem for path in FILES.glob("models/*.pt")}
    assert models == set(EXPECTED["models"])
    assert set(MATRICES) == set(EXPECTED["matrices"])
    assert len(models) > 45


@pytest.mark.parametrize("name", MATRICES)
def test_a_matrix_is_read_as_it_was(run, name):
    matrix, expected = load_interactions(FILES / name), EXPECTED["matrices"][name]
    found = {
        "users": matrix.n_users,
        "items": matrix.n_items,
        "ratings": matrix.n_ratings,
        "sum": float(matrix.data.sum(dtype="float64")),
        "times": None if matrix.timestamps is None else int(matrix.timestamps.sum()),
        "names": matrix.catalog.item_names is not None,
    }
    assert found == expected == counts_of(FILES / name)
    assert json.loads(run("inspect", name, "--json"))["kind"] in ("interactions", "split")


@pytest.mark.parametrize("name", ["ints", "text", "zeros", "clicks", "plays", "hundred", "grown"])
def test_an_old_matrix_goes_through_the_stages(run, tmp_path, name):
    matrix = f"matrices/{name}.npz"
    run("split", matrix, "--out", tmp_path / "split", "--n", "2", "--valid", "--quiet")
    train = ("train", tmp_path / "split/train.npz", "--valid", tmp_path / "split/valid.npz")
    mode = ("--mode", "hogwild") if name == "clicks" else ()
    run(*train, "--out", tmp_path / "m.pt", *SMALL, *mode)
    run("evaluate", tmp_path / "m.pt", tmp_path / "split/test.npz", "--quiet")


def test_an_old_split_is_one_still(run, tmp_path):
    """Its files belong together, and those of another split do not."""
    train = ("train", "split/train.npz", "--out", tmp_path / "m.pt", *SMALL)
    run(*train, "--valid", "split/valid.npz")
    run("evaluate", tmp_path / "m.pt", "split/test.npz", "--quiet")
    run(
        "tune",
        "split/train.npz",
        "--valid",
        "split/valid.npz",
        "--out",
        tmp_path / "best.toml",
        "--trials",
        "1",
        "--jobs",
        "1",
        "--epochs",
        "1",
        "--factors",
        "2",
    )


def test_files_of_two_old_splits_are_refused(cli, copied, tmp_path):
    train = ("train", copied / "split/train.npz", "--out", tmp_path / "m.pt", *SMALL)
    assert cli(*train, "--valid", copied / "folds/fold1/test.npz").exit_code == 3


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name != "hogwild" else [])
        for name in EXPECTED["resumed"]
    ],
)
def test_an_interrupted_training_goes_on_to_the_same_model(run, name):
    expected = EXPECTED["resumed"][name]
    model = expected["command"][expected["command"].index("--out") + 1]
    assert Path(f"{model}.resume").exists()
    # What came later and is not in its state is taken as what it did not do.
    later = ["--rank-shrinkage", "0"] if "likes/train.npz" not in expected["command"] else []
    run(*expected["command"], *later, "--quiet")
    assert not Path(f"{model}.resume").exists()
    assert_scores(run, model, expected)


@pytest.mark.slow
def test_a_later_matrix_starts_from_an_old_model(run, tmp_path):
    start = ("--init-from", "models/biased-mf-mse-minibatch.pt")
    run("train", "matrices/grown.npz", "--out", tmp_path / "m.pt", *start, *SMALL)
    shutil.copy(FILES / "resume/minibatch/model.pt.resume", tmp_path / "state")
    run(
        "train",
        "split/train.npz",
        "--out",
        tmp_path / "n.pt",
        "--init-from",
        tmp_path / "state",
        *SMALL,
    )


def test_an_old_searchs_settings_train_and_it_does_not_go_on(run, cli):
    """Its trials had the fixed defaults of their day beside what they drew."""
    run("train", "likes/train.npz", "--config", "tune/best.toml", "--out", "tuned.pt", "--quiet")
    search = ["tune", "likes/train.npz", "--out", "tune/best.toml", "--mode", "hogwild"]
    search += ["--factors", "4", "--range", "epochs=2,4", "--jobs", "1", "--metric", "ndcg@5"]
    kept = [Path("tune") / name for name in ("best.toml", "best.trials.csv")]
    before = [path.read_bytes() for path in kept]
    result = cli(*search, "--metric", "auc", "--seed", "7", "--trials", "3", "--resume")
    assert result.exit_code == 2
    assert "is of an earlier version" in result.stderr
    assert "start without --resume" in result.stderr
    assert [path.read_bytes() for path in kept] == before


@pytest.mark.parametrize("name", EXPECTED["metrics"])
def test_metrics_are_read_as_they_were(run, name):
    assert metrics_of(json.loads((FILES / name).read_text("utf-8"))) == EXPECTED["metrics"][name]
    run("inspect", name, "--json")


def test_an_old_model_is_measured_as_it_was(run):
    evaluate = ("evaluate", "models/biased-mf-mse-minibatch.pt", "split/test.npz", "--out", "-")
    found = json.loads(run(*evaluate, "--k", "3", "--k", "5", "--quiet"))["metrics"]
    before = EXPECTED["metrics"]["metrics/one.json"]["metrics"]
    for name in ("rmse", "mae"):  # unknown users are ranked as they are served since
        assert found[name] == pytest.approx(before[name], abs=1e-5)


@pytest.mark.parametrize("name", EXPECTED["tables"])
def test_a_table_is_read_as_it_was(run, name):
    found, expected = table_of(FILES / name), EXPECTED["tables"][name]
    if expected["score"] is not None:  # Python 3.12 adds floats more exactly than 3.11
        assert math.isclose(found.pop("score"), expected["score"], rel_tol=1e-12)
    assert found == {key: expected[key] for key in found}
    if not name.startswith("export"):  # whose folder is inspected
        run("inspect", name, "--json")


@pytest.mark.parametrize("name", ["recommendations/parts", "recommendations/parts-csv", "export"])
def test_a_folder_is_inspected(run, name):
    run("inspect", name, "--json")


@pytest.mark.slow
def test_a_lost_part_of_an_old_folder_is_mended(run):
    part = Path("recommendations/parts/part-00001.parquet")
    table = pyarrow.parquet.read_table(part)
    part.unlink()
    run(
        "recommend",
        "models/biased-mf-bpr-hogwild.pt",
        "--out",
        "recommendations/parts/",
        "--k",
        "3",
        "--part-users",
        "12",
        "--resume",
        "--quiet",
    )
    assert pyarrow.parquet.read_table(part).equals(table)  # encoded in other bytes since


@pytest.mark.slow
def test_churn_is_measured_against_an_old_table(run):
    """What is there is compared with what takes its place."""
    shutil.copy("recommendations/ints.csv", "published.csv")
    run(
        "recommend",
        "models/biased-mf-bpr-hogwild.pt",
        "--out",
        "published.csv",
        "--k",
        "3",
        "--max-churn",
        "0.01",
        "--quiet",
    )


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["run", "run-folds/fold1", "run-repeats/repeat2"])
def test_an_old_run_is_reported(run, tmp_path, folder):
    run("report", folder, "--out", tmp_path / "page.html", "--quiet")
    assert "<html" in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("model", "by"), [("text-ids", "cosine"), ("mf-ials-als", "dot"), ("wide-scale-als", "cosine")]
)
def test_an_old_model_has_neighbours_and_is_exported(run, tmp_path, model, by):
    run("similar", f"models/{model}.pt", "--out", "-", "--k", "2", "--by", by, "--quiet")
    run("export", f"models/{model}.pt", "--out", tmp_path / "vectors")
