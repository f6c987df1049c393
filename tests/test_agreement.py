"""metrics.json says what its formulas give on the rows that recommend writes."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mfcli.artifacts import load_interactions
from mfcli.data.interactions import Interactions
from tests.test_metrics import REFERENCES

MODELS = {
    "popularity": ["--model", "popularity"],
    "bias": ["--model", "bias"],
    "bpr": ["--mode", "hogwild", "--workers", "1", "--epochs", "3", "--factors", "4"],
    "als": ["--objective", "mse", "--engine", "als", "--epochs", "3", "--factors", "4"],
    "ials": ["--objective", "ials", "--epochs", "3", "--factors", "4"],
    "svdpp": ["--model", "svdpp", "--workers", "1", "--epochs", "3", "--factors", "4"],
    "explicit": ["--epochs", "2", "--factors", "4"],
    "neural": ["--model", "neural", "--epochs", "1", "--factors", "4"],
}
QUICK = ("popularity", "bias", "bpr", "als")  # make test; the others are of make test-slow
SPLITS = {
    "leave-n-out": ["--n", "3"],
    "fraction": ["--strategy", "fraction"],
    "latest": ["--strategy", "latest", "--cutoff", "700"],  # later users are unknown to train
}
# Options of evaluate, and what says the same to recommend.
FILTERS: list[tuple[list[str], list[str]]] = [
    ([], ["--include-cold"]),
    (["--exclude-cold"], []),
    (["--include-seen"], ["--include-seen", "--include-cold"]),
    (["--exclude-cold", "--unknown-users", "skip"], ["--unknown-users", "skip"]),
]
K, ALL = 5, 40  # a short list, and one of the whole catalogue
LISTED = ("precision", "recall", "ndcg", "map", "hit_rate", "mrr_cut", "recall_capped")
NAMES = [*(f"{name}@{K}" for name in LISTED), "mrr", "r_precision", "auc", f"coverage@{K}"]


@pytest.fixture(scope="module")
def parts(tmp_path_factory, cli) -> Path:
    """Make a split of each kind: users come and items appear as time goes on."""
    folder = tmp_path_factory.mktemp("agree")
    random = np.random.default_rng(5)
    lines = ["user_id,item_id,rating,timestamp"]
    for user in range(50):
        newest = 8 + user * 32 // 49
        for item in random.choice(newest, int(random.integers(4, min(newest, 20))), replace=False):
            rating, time = random.integers(1, 6), user * 20 + int(random.integers(0, 100))
            lines.append(f"{user},{item},{rating},{time}")
    (folder / "d.csv").write_text("\n".join(lines) + "\n")
    assert cli("fetch", folder / "d.csv", "--out", folder / "d.npz", "--quiet").exit_code == 0
    for name, options in SPLITS.items():
        found = cli("split", folder / "d.npz", "--out", folder / name, *options, "--quiet")
        assert found.exit_code == 0, found.stderr
    return folder


@pytest.fixture(scope="module")
def trained(parts, cli) -> Any:
    """Return a function that trains a model on a split, once."""

    def train(split: str, model: str) -> Path:
        out = parts / split / f"{model}.pt"
        if not out.exists():
            source = parts / split / "train.npz"
            found = cli("train", source, "--out", out, "--quiet", *MODELS[model])
            assert found.exit_code == 0, found.stderr
        return out

    return train


def lists_of(path: Path) -> dict[str, list[tuple[str, float]]]:
    """Read the lists of a CSV: user → item and score, best first."""
    lists: dict[str, list[tuple[str, float]]] = {}
    with path.open() as stream:
        for row in csv.DictReader(stream):
            lists.setdefault(row["user_id"], []).append((row["item_id"], float(row["score"])))
    return lists


def items_of(rows: Interactions) -> dict[str, set[str]]:
    """Return the items of every user who has any, as a CSV writes their ids."""
    users, items = rows.catalog.user_ids.astype(str), rows.catalog.item_ids.astype(str)
    return {
        str(users[user]): set(items[rows.rows.of(int(user))].tolist())
        for user in np.flatnonzero(rows.user_counts)
    }


def check(found: dict[str, float], expected: dict[str, float]) -> None:
    for name in NAMES:
        tolerance = 1e-3 if name == "auc" else 1e-6  # written scores may tie where others do not
        assert found[name] == pytest.approx(expected[name], abs=tolerance), name


def textbook(
    lists: dict[str, list[tuple[str, float]]], test: dict[str, set[str]], n_items: int
) -> dict[str, float]:
    """Compute the metrics of lists of the whole catalogue, user by user."""
    found: dict[str, list[float]] = {}
    shown: set[str] = set()
    for user, liked in test.items():
        ranked = lists.get(user, [])
        hits = [item in liked for item, _ in ranked]
        top = (hits + [False] * K)[:K]
        shown |= {item for item, _ in ranked[:K]}
        values = {f"{name}@{K}": REFERENCES[name](top, len(liked), len(hits)) for name in LISTED}
        values["mrr"] = 1 / (hits.index(True) + 1) if any(hits) else 0.0
        values["r_precision"] = sum(hits[: len(liked)]) / len(liked)
        good = [score for item, score in ranked if item in liked]
        others = [score for item, score in ranked if item not in liked]
        if good and others:
            right = sum((g > o) + (g == o) / 2 for g in good for o in others)
            values["auc"] = right / (len(good) * len(others))
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    means = {name: sum(values) / len(values) for name, values in found.items()}
    return means | {f"coverage@{K}": len(shown) / n_items}


@pytest.mark.parametrize("filters", FILTERS, ids=lambda filters: " ".join(filters[0]) or "none")
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(
    "model",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in MODELS],
)
def test_metrics_are_those_of_the_lists(cli, parts, trained, tmp_path, model, split, filters):
    path, test = trained(split, model), parts / split / "test.npz"
    asked = [part for name in NAMES for part in ("--metric", name)]
    out, table = tmp_path / "metrics.json", tmp_path / "recs.csv"
    evaluated = cli("evaluate", path, test, "--out", out, "--resamples", "0", *asked, *filters[0])
    assert evaluated.exit_code == 0, evaluated.stderr
    written = cli("recommend", path, "--out", table, "--k", str(ALL), "--quiet", *filters[1])
    assert written.exit_code == 0, written.stderr
    rows, seen = load_interactions(test), load_interactions(test.with_name("train.npz"))
    served = seen.user_counts > 0 if "skip" in filters[0] else np.ones(rows.n_users, bool)
    ids = rows.catalog.user_ids.astype(str)
    liked = {user: items for user, items in items_of(rows).items() if served[ids == user][0]}
    document, lists = json.loads(out.read_text()), lists_of(table)
    check(document["metrics"], textbook(lists, liked, rows.n_items))
    for group in ("known", "cold"):
        own = {
            user: positives
            for user, positives in liked.items()
            if (seen.user_counts[ids == user][0] > 0) == (group == "known")
        }
        of_group = document["user_groups"][group]
        if own:
            ndcg = textbook(lists, own, rows.n_items)[f"ndcg@{K}"]
            assert of_group["metrics"][f"ndcg@{K}"] == pytest.approx(ndcg, abs=1e-6)
        elif group == "cold" and split != "latest":
            assert of_group == {"users": 0, "metrics": {}}


RUN = f"""
[split]
n = 2
[train]
workers = 1
epochs = 3
factors = 4
{{train}}
[evaluate]
metric = {json.dumps(NAMES)}
resamples = 0
[recommend]
k = {ALL}
"""
# Columns of the table, further lines of [train], and options: what is a hit in the last one.
RUNS: dict[str, tuple[slice, str, float | None]] = {
    "ratings": (slice(4), 'objective = "mse"\nengine = "als"', None),
    "ratings and likes": (slice(4), 'objective = "mse"\nengine = "als"', 4.0),
    "clicks": (slice(2), "", None),  # hogwild, by itself
}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_measures_evaluated_and_lists_nothing_of_the_source(cli, parts, tmp_path, name):
    columns, train, least = RUNS[name]
    lines = (parts / "d.csv").read_text().splitlines()
    text = "".join(",".join(line.split(",")[columns]) + "\n" for line in lines)
    source, config, out = tmp_path / "s.csv", tmp_path / "c.toml", tmp_path / "run"
    source.write_text(text)
    config.write_text(RUN.format(train=train))
    asked = () if least is None else ("--relevant-from", str(least))
    found = cli("run", source, "--config", config, "--out", out, "--quiet", *asked)
    assert found.exit_code == 0, found.stderr
    table = tmp_path / "recs.csv"
    again = ("recommend", out / "evaluated.pt", "--out", table, "--k", str(ALL), "--include-cold")
    assert cli(*again, "--quiet").exit_code == 0
    test = load_interactions(out / "split/test.npz")
    relevant = test if least is None else test.keep(test.data >= least)
    document = json.loads((out / "metrics.json").read_text())
    check(document["metrics"], textbook(lists_of(table), items_of(relevant), test.n_items))
    given = {tuple(line.split(",")[:2]) for line in text.splitlines()[1:]}
    lists = lists_of(out / "recommendations.csv")
    listed = {(user, item) for user, ranked in lists.items() for item, _ in ranked}
    users, items = ({pair[side] for pair in given} for side in (0, 1))
    assert listed == {(user, item) for user in users for item in items} - given


def test_unknown_users_are_refused_where_asked(cli, parts, trained):
    path = trained("latest", "popularity")
    found = cli("evaluate", path, parts / "latest/test.npz", "--unknown-users", "error")
    assert found.exit_code == 3
    assert "have no rating in train" in found.stderr
    assert "popular or skip" in found.stderr


def test_groups_are_shown_where_there_are_several(cli, parts, trained):
    path = trained("latest", "bias")
    shown = cli("evaluate", path, parts / "latest/test.npz").stdout
    assert "by users" in shown
    found = json.loads(cli("evaluate", path, parts / "latest/test.npz", "--json").stdout)
    groups = found["user_groups"]
    assert (
        groups["known"]["users"] + groups["cold"]["users"] == found["counts"]["users_with_test_row"]
    )
    assert groups["cold"]["users"] > 0
    assert math.isfinite(groups["cold"]["metrics"]["rmse"])
