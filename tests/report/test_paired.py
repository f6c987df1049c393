"""Runs are held against the first one user by user, with the figures that evaluate has."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mfcli.config.metrics import word_of
from mfcli.errors import InputError
from mfcli.report.folder import read_run
from mfcli.report.paired import pair_runs
from mfcli.report.per_user import read_by_user
from mfcli.stages.report import report
from tests.report.reading import Page

SOURCE = Path(__file__).parent.parent / "zoo/files/run"
RESAMPLES = ("--resamples", "50", "--k", "3")


@pytest.fixture(scope="module")
def runs(tmp_path_factory, cli):
    """Return two runs on one split, with the metrics of their users, and both evaluated at once."""
    place = tmp_path_factory.mktemp("paired")
    split = SOURCE / "split"
    first, second = place / "first", place / "second"
    for folder in (first, second):
        shutil.copytree(SOURCE, folder)

    def ok(*args: str | Path) -> None:
        result = cli(*args)
        assert result.exit_code == 0, result.stderr

    options = ("--factors", "2", "--epochs", "2", "--seed", "5")
    ok("train", split / "train.npz", "--out", second / "model.pt", *options)
    for folder in (first, second):
        test = folder / "split" / "test.npz"
        out = ("--out", folder / "metrics.json", "--per-user", folder / "per-user.csv")
        ok("evaluate", folder / "model.pt", test, *out, *RESAMPLES)
    models = (second / "model.pt", split / "test.npz", "--out", place / "both.json")
    ok("evaluate", first / "model.pt", *models, *RESAMPLES)
    return place


def both(runs: Path):
    return [read_run(runs / name, name, 0, []) for name in ("first", "second")]


def test_the_differences_are_those_of_evaluate_on_both(runs):
    pairing = pair_runs(both(runs))
    assert pairing is not None
    (expected,) = (
        pair["metrics"]
        for pair in json.loads((runs / "both.json").read_text())["differences"]
        if pair["base"].startswith("first")
    )
    (found,) = pairing.differences.values()
    assert found.keys() == expected.keys()
    assert {"rmse", "mae", "auc", "ndcg@3"} <= found.keys()
    for name, of in found.items():
        for key in ("difference", "standard_error", "low", "high"):
            assert of[key] == pytest.approx(expected[name][key], rel=1e-6, abs=1e-9)
        assert of["beyond_noise"] == expected[name]["beyond_noise"]


def test_the_page_says_in_words_which_run_is_better(runs, tmp_path):
    out = tmp_path / "r.html"
    report([runs / "first", runs / "second"], out)
    root = Page(out.read_text("utf-8")).root
    (verdict,) = root.all("ul", "verdicts")[0].all("li")
    pairing = pair_runs(both(runs))
    assert pairing is not None
    of = pairing.differences[1]["ndcg@3"]
    assert f"{of['difference']:+.4f}" in verdict.content
    word = word_of("ndcg@3", of["difference"]) if of["beyond_noise"] else "as good as each other"
    assert word in verdict.content
    captions = [caption.content for caption in root.all("caption")]
    assert "Differences to first, paired over 22 users" in captions


def changed(runs: Path, tmp_path: Path, change) -> str:
    """Return the page on both runs, copied and changed."""
    folders = [Path(shutil.copytree(runs / name, tmp_path / name)) for name in ("first", "second")]
    change(folders[1])
    report(folders, tmp_path / "r.html")
    return Page((tmp_path / "r.html").read_text("utf-8")).root.all("main")[0].content


def test_a_run_without_users_says_how_to_get_them(runs, tmp_path):
    text = changed(runs, tmp_path, lambda folder: (folder / "per-user.csv").unlink())
    assert "second keeps no metrics by user." in text
    command = "mfcli evaluate second/model.pt second/split/test.npz --k 3 --resamples 50"
    assert f"{command} --per-user second/per-user.csv" in text


def test_the_call_has_what_was_not_usual(runs, tmp_path):
    def change(folder: Path) -> None:
        (folder / "per-user.csv").unlink()
        path = folder / "metrics.json"
        content = json.loads(path.read_text("utf-8"))
        (step,) = [it for it in content["meta"]["lineage"] if it["stage"] == "evaluate"]
        step["options"] |= {"resamples": 77, "seed": 5}
        step["inputs"].append({"role": "history", "sha256": "0" * 64})
        path.write_text(json.dumps(content), "utf-8")

    text = changed(runs, tmp_path, change)
    given = "--k 3 --resamples 77 --seed 5 --history FILE --per-user second/per-user.csv"
    assert given in text


def test_users_of_another_measurement_are_not_used(runs, tmp_path):
    def swap(folder: Path) -> None:
        shutil.copy(runs / "first" / "per-user.csv", folder)

    text = changed(runs, tmp_path, swap)
    assert "per-user.csv of second gives another" in text


def test_other_test_sets_are_not_paired(runs, tmp_path):
    def another(folder: Path) -> None:
        path = folder / "metrics.json"
        content = path.read_text()
        test = both(runs)[0].test
        assert test is not None
        path.write_text(content.replace(test, "0" * 64))

    assert "it was measured on another test set" in changed(runs, tmp_path, another)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "user_id,test_rows,auc\n1,x,0\n", "\xff"])
def test_a_file_that_is_no_such_table_is_refused(tmp_path, text):
    path = tmp_path / "per-user.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"per-user\.csv"):
        read_by_user(path)


def test_errors_are_pooled_over_rows(tmp_path):
    path = tmp_path / "per-user.csv"
    path.write_text("user_id,test_rows,rmse,mae,ndcg@3,ndcg@3 (b.pt)\na,3,1,1,0.5,9\nb,1,3,3,,9\n")
    by_user = read_by_user(path)
    assert by_user.statistic("rmse").value == pytest.approx(np.sqrt((3 * 1 + 9) / 4))
    assert by_user.statistic("mae").value == pytest.approx((3 * 1 + 3) / 4)
    assert by_user.statistic("ndcg@3").value == 0.5
