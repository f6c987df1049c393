"""The Python API on the built-in sample gives what the commands give, from values in memory."""

from __future__ import annotations

import csv
import importlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import mfcli
import mfcli.api
from mfcli.errors import InputError, MfcliWarning, UsageError

SIZE: dict[str, Any] = {"users": 80, "items": 60, "ratings": 1500, "threshold": 2.5}
WORDS = [word for name, value in SIZE.items() for word in (f"--{name}", str(value))]


@pytest.fixture(scope="module")
def data() -> Any:
    return mfcli.read("demo", **SIZE)


@pytest.fixture(scope="module")
def parts(data: Any) -> Any:
    return mfcli.split(data, strategy="leave-n-out", n=3, seed=0)


@pytest.fixture(scope="module")
def model(parts: Any) -> Any:
    return mfcli.fit(parts[0], mode="hogwild", factors=8, epochs=3, workers=1)


def test_the_example_of_the_readme_runs(tmp_path: Path, data: Any) -> None:
    train, test = mfcli.split(data, strategy="leave-n-out", n=10, seed=0)
    model = mfcli.fit(train, mode="implicit", factors=8, epochs=2)
    users, item = train.catalog.user_ids[:2].tolist(), train.catalog.item_ids[0]
    lists = model.recommend(users=users, k=10)
    assert list(lists.columns) == ["user_id", "item_id", "rank", "score", "item_name"]
    assert sorted(lists.user_id.unique()) == sorted(users)
    assert lists["rank"].max() == 10
    assert len(model.similar(items=[item], k=5)) == 5
    assert model.predict([(users[0], item)]).shape == (1,)
    grown = model.fold_in({"user": [9001] * 3, "item": train.catalog.item_ids[:3]})
    assert len(grown.recommend(users=[9001], k=4)) == 4
    found = mfcli.evaluate(model, test, k=[5, 10], ignore=["W-popularity"])
    assert {"ndcg@5", "ndcg@10"} <= found.metrics.keys()
    model.save(tmp_path / "model.pt")
    again = mfcli.load(tmp_path / "model.pt")
    pd.testing.assert_frame_equal(again.recommend(users=users, k=10), lists)


def test_every_file_has_the_bytes_of_the_commands(tmp_path: Path, cli: Any, parts: Any) -> None:
    data = mfcli.read("demo", **SIZE)
    train, test = parts
    model = mfcli.fit(train, mode="hogwild", factors=8, epochs=3, workers=1)
    data.save(tmp_path / "data.npz")
    train.save(tmp_path / "train.npz")
    test.save(tmp_path / "test.npz")
    model.save(tmp_path / "model.pt")
    commands = (
        ("fetch", "demo", "--out", tmp_path / "c" / "data.npz", *WORDS),
        ("split", tmp_path / "c" / "data.npz", "--out", tmp_path / "c", "--n", "3"),
        (
            *("train", tmp_path / "c" / "train.npz", "--out", tmp_path / "c" / "model.pt"),
            *("--mode", "hogwild", "--factors", "8", "--epochs", "3", "--workers", "1"),
        ),
    )
    (tmp_path / "c").mkdir()
    for command in commands:
        result = cli(*command)
        assert result.exit_code == 0, result.stderr
    for name in ("data.npz", "train.npz", "test.npz", "model.pt"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "c" / name).read_bytes(), name


def test_lists_and_metrics_are_those_of_the_commands(
    tmp_path: Path, cli: Any, parts: Any, model: Any
) -> None:
    model.save(tmp_path / "model.pt")
    parts[1].save(tmp_path / "test.npz")
    out = tmp_path / "recs.csv"
    assert cli("recommend", tmp_path / "model.pt", "--out", out, "--k", "4").exit_code == 0
    with out.open(newline="", encoding="utf-8") as file:
        rows = [(int(row["user_id"]), int(row["item_id"])) for row in csv.DictReader(file)]
    lists = model.recommend(k=4)
    assert list(zip(lists.user_id.tolist(), lists.item_id.tolist(), strict=True)) == rows
    told = cli("evaluate", tmp_path / "model.pt", tmp_path / "test.npz", "--k", "5", "--json")
    metrics = json.loads(told.stdout)["metrics"]
    assert mfcli.evaluate(model, parts[1], k=[5], ignore=["W-popularity"]).metrics == metrics


def test_a_warning_of_the_command_is_a_warning_of_python() -> None:
    ratings = mfcli.read("demo", users=30, items=20, ratings=200)
    with pytest.warns(MfcliWarning, match="takes every row as a like") as told:
        mfcli.fit(ratings, mode="hogwild", epochs=1, factors=2, workers=1)
    warning = told[0].message
    assert isinstance(warning, MfcliWarning)
    assert warning.code == "W-positives"
    assert str(warning).endswith("[W-positives]")
    assert pickle.loads(pickle.dumps(warning)).code is warning.code


def test_a_frame_a_matrix_and_arrays_are_read_alike(data: Any) -> None:
    frame = data.to_frame()
    columns = [frame[name].to_numpy() for name in ("user_id", "item_id", "rating", "timestamp")]
    for source in (frame, dict(frame), tuple(columns)):
        read = mfcli.read(source)
        assert read.to_frame().equals(frame)
    matrix = mfcli.read(sparse.csr_array(data.csr()))
    assert np.array_equal(matrix.data, data.data)
    assert np.array_equal(matrix.indices, data.indices)


def test_pairs_that_are_excluded_are_not_listed(model: Any) -> None:
    user, item = model.recommend(k=1).iloc[0][["user_id", "item_id"]]
    for pairs in ([(user, item)], {"user": [user], "item": [item]}):
        assert item not in model.recommend(users=[user], k=5, exclude=pairs).item_id.tolist()


def test_filters_and_thresholds_hold_for_values_in_memory() -> None:
    ratings = mfcli.read("demo", users=30, items=20, ratings=200)
    kept = mfcli.read(ratings.to_frame(), threshold=4)
    assert set(kept.data.tolist()) == {1.0}
    assert kept.n_ratings == int((ratings.data >= 4).sum())


def test_valid_rows_stop_a_training_early_and_the_history_shows_them() -> None:
    data = mfcli.read("demo", users=80, items=60, ratings=1500)
    train, valid, test = mfcli.split(data, n=3, valid=True)
    model = mfcli.fit(
        train, valid=valid, mode="hogwild", objective="mse", epochs=9, patience=1, factors=4
    )
    assert model.history.valid_loss.notna().all()
    assert {"rmse"} <= mfcli.evaluate(model, test, baseline=False, relevant_from=1).metrics.keys()


def test_folds_hold_every_row_once(data: Any) -> None:
    folds = mfcli.split_folds(data, 3)
    assert sum(test.n_ratings for _, test in folds) == data.n_ratings


def test_training_goes_on_from_a_model(parts: Any, model: Any) -> None:
    warm = mfcli.fit(parts[0], mode="hogwild", factors=8, epochs=1, workers=1, init_from=model)
    roles = [entry["role"] for entry in warm.checkpoint.meta["lineage"][-1]["inputs"]]
    assert roles == ["train", "init_from"]


def test_several_models_are_compared_by_name(parts: Any, model: Any) -> None:
    other = mfcli.fit(parts[0], model="popularity")
    found = mfcli.evaluate(
        {"bpr": model, "popular": other}, parts[1], k=[5], ignore=["W-popularity"]
    )
    assert [table["name"] for table in found.tables()] == ["bpr", "popular"]
    assert found.differences
    assert repr(found).startswith("bpr: ")
    assert len(repr(found).splitlines()) == 2


def test_what_cannot_be_is_refused_with_a_reason(data: Any, model: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'factors'"):
        mfcli.fit(data, factorz=3)  # type: ignore[call-arg]
    with pytest.raises(InputError, match="cannot be read from int"):
        mfcli.read(3)
    with pytest.raises(UsageError, match="a list of ids"):
        model.recommend(users="1")
    with pytest.raises(InputError, match="no item that the model knows"):
        model.fold_in({"user": [1], "item": ["not there"]})
    with pytest.raises(UsageError, match="not both"):
        model.similar(items=[1], users=[1])
    with pytest.raises(UsageError, match="format: has no meaning here"):
        mfcli.read(data.to_frame(), format="csv")
    with pytest.raises(UsageError, match="candidates names a file"):
        mfcli.evaluate(model, data, candidates="x.csv")  # type: ignore[call-arg]
    data.save(tmp_path / "data.npz")
    with pytest.raises(UsageError, match=r"an \.npz of mfcli is read as it is"):
        mfcli.read(tmp_path / "data.npz", threshold=4)


def test_the_typed_options_are_those_that_are_declared() -> None:
    from tests.api.typed_options import FILE, typed_options

    assert FILE.read_text("utf-8") == typed_options(), "python -m tests.api.typed_options"


WITHOUT_CLI = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "typer" or name.startswith("mfcli.cli"):
            raise ImportError(f"{name} is not there")
sys.meta_path.insert(0, Refuse())
import mfcli
data = mfcli.read("demo", users=30, items=20, ratings=300)
train, test = mfcli.split(data, n=2)
model = mfcli.fit(train, objective="ials", epochs=1, factors=4)
assert len(model.recommend(users=train.catalog.user_ids[:1], k=3)) == 3
print(sorted(mfcli.evaluate(model, test, k=[5], baseline=False).metrics)[0])
"""


def test_the_api_needs_no_command_line() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_CLI], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "auc\n"


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, mfcli; print(len([m for m in sys.modules if m.startswith('mfcli')]))"
    heavy = "print(any(m in sys.modules for m in ('numpy', 'torch', 'pandas', 'typer', 'numba')))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{heavy}"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\nFalse\n"


@pytest.mark.filterwarnings("ignore:the lists are:mfcli.errors.MfcliWarning")
def test_the_examples_of_the_docstrings_run() -> None:
    import doctest

    from mfcli.api import evaluating, fitting, model, reading, splitting

    data = mfcli.read("demo", users=200, items=200, ratings=4000, threshold=2.5)
    train, test = mfcli.split(data, n=2)
    trained = mfcli.fit(train, mode="hogwild", factors=4, epochs=1, workers=1)
    shared = {"mfcli": mfcli, "data": data, "train": train, "test": test, "model": trained}
    finder, ran = doctest.DocTestFinder(), 0
    for module in (evaluating, fitting, model, reading, splitting):
        for found in finder.find(module):
            for example in found.examples:
                exec(example.source, dict(shared))
                ran += 1
    assert ran >= 7


def test_progress_is_shown_on_standard_error_alone(capsys: pytest.CaptureFixture[str]) -> None:
    ratings = mfcli.read("demo", users=30, items=20, ratings=200, threshold=2.5, progress=True)
    mfcli.fit(ratings, mode="hogwild", epochs=1, factors=2, workers=1, progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "training" in shown.err


@pytest.mark.parametrize("chosen", [None, "ACTIVE"])
def test_waiting_threads_sleep_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if chosen:
        monkeypatch.setenv("OMP_WAIT_POLICY", chosen)
    importlib.reload(mfcli.api)
    assert os.environ["OMP_WAIT_POLICY"] == (chosen or "PASSIVE")
