"""evaluate on later data: ids are matched by value, and what is in train is left out."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mfcli
from mfcli.artifacts import meta_for, save_interactions
from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.config import EvaluateConfig
from mfcli.data.building import from_arrays
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError
from mfcli.evaluation.evaluate import Evaluation, NamedModel
from mfcli.evaluation.evaluate import evaluate as evaluate_models
from mfcli.evaluation.later import choose_rows
from mfcli.events import Event, Noted
from mfcli.models.loading import scoring_of
from mfcli.models.relaid import Places, relaid
from tests.conftest import Cli
from tests.helpers import interactions
from tests.models_on_disk import list_scores, make_model, write_model

K = 4
NAMES = [f"ndcg@{K}", f"recall@{K}", "auc", "rmse"]
Triples = list[tuple[Any, Any, float]]


def triples(rows: Interactions) -> Triples:
    users = rows.catalog.user_ids[rows.users].tolist()
    items = rows.catalog.item_ids[rows.indices].tolist()
    return list(zip(users, items, rows.data.tolist(), strict=True))


def built(rows: Triples, times: list[int] | None = None) -> Interactions:
    users, items, ratings = zip(*rows, strict=True)
    return from_arrays(list(users), list(items), list(ratings), times)


def measured(
    models: dict[str, Checkpoint], test: Interactions, on_event: Any = None, **options: Any
) -> Evaluation:
    config = EvaluateConfig(
        k=[K], metric=NAMES, resamples=20, workers=1, relevant_from=-1.0, **options
    )
    chosen = choose_rows(test, models.items(), config, on_event=on_event or (lambda _: None))

    def named() -> Any:
        for name, checkpoint in models.items():
            laid, beside = chosen.beside(checkpoint, name)
            yield NamedModel(name=name, checkpoint=laid, scores=scoring_of(laid), beside=beside)

    return evaluate_models(named(), chosen, config)


def parts(seed: int, density: float = 0.4) -> tuple[Interactions, Interactions, Interactions]:
    """Return all rows, those of train, and the others."""
    data = interactions(12, 9, density, seed)
    held = np.random.default_rng(seed).random(data.n_ratings) < 0.3
    return data, data.keep(~held), data.keep(held)


OPTIONS: dict[str, dict[str, Any]] = {
    "mf": {"model": "mf"},
    "biased-mf": {},
    "svdpp": {"model": "svdpp", "engine": "hogwild"},
    "neural": {"model": "neural"},
    "ease": {"model": "ease", "factors": None},
    "popularity": {"model": "popularity", "factors": None},
    "bias": {"model": "bias", "objective": "mse", "factors": None},
}


@pytest.mark.parametrize("seed", range(3))
def test_an_export_that_holds_train_too_is_measured_as_the_rows_that_were_held_out(
    seed: int,
) -> None:
    data, train, test = parts(seed)
    model = {"model": make_model(train)}
    expected, found = measured(model, test), measured(model, data)
    assert found.metrics == expected.metrics
    assert found.subjects[0].counts["rows_in_train"] == train.n_ratings
    assert "rows_in_train" not in expected.subjects[0].counts


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_later_rows_are_measured_as_plain_counting_does(seed: int) -> None:
    """New users get the popular items; new items are missed, and no candidates."""
    random = np.random.default_rng(seed)
    data, train, _ = parts(seed)
    if not train.n_ratings:
        return
    checkpoint = make_model(train)
    # By the scores as they are, sums of halves: ties are exact.
    options = checkpoint.options | {"rank_shrinkage": 0.0}
    checkpoint = dataclasses.replace(checkpoint, options=options)
    new: Triples = [
        (int(user), int(item), 1.0) for user, item in {(10, 900), (77, 900), (77, 101), (78, 901)}
    ]
    rows = triples(data) + new
    random.shuffle(rows)
    later = built(rows)
    seen = {(user, item) for user, item, _ in triples(train)}
    left: dict[int, set[int]] = {}
    for user, item, _ in rows:
        if (user, item) not in seen:
            left.setdefault(user, set()).add(item)
    ids, scores = checkpoint.catalog.item_ids.tolist(), list_scores(checkpoint)
    places = {user: at for at, user in enumerate(checkpoint.catalog.user_ids.tolist())}
    counts = checkpoint.item_counts
    recalls = []
    for user, positives in left.items():
        at = places.get(user)
        unknown = at is None or not checkpoint.user_counts[at]
        values = counts.astype(float) if unknown else scores[at]
        open_items = [item for item in range(len(ids)) if (user, ids[item]) not in seen]
        best = sorted(open_items, key=lambda item: (-values[item], item))[:K]
        recalls.append(len({ids[item] for item in best} & positives) / len(positives))
    found = measured({"model": checkpoint}, later)
    assert found.metrics[f"recall@{K}"] == pytest.approx(np.mean(recalls))
    tested = found.subjects[0].counts
    assert tested["rows_in_train"] == len(rows) - sum(map(len, left.values()))
    assert tested["users_new"] == len(left.keys() - places.keys())
    assert tested["users_matched"] == len(left.keys() & places.keys())
    items = set().union(*left.values())
    assert tested["items_new"] == len(items - set(ids))
    assert tested["items_matched"] == len(items & set(ids))
    assert "later" in found.subjects[0].protocol


def test_several_models_are_measured_on_the_rows_that_are_in_no_train() -> None:
    data, train, _ = parts(1)
    older = train.keep(np.random.default_rng(0).random(train.n_ratings) < 0.6)
    models = {"old": make_model(older, seed=1), "new": make_model(train, seed=2)}
    events: list[Event] = []
    found = measured(models, built([*triples(data), (5, 500, 2.0)]), events.append)
    rows = {it.counts["test_rows"] for it in found.subjects}
    assert rows == {data.n_ratings + 1 - train.n_ratings}
    assert [len(it.measured.users) for it in found.subjects] == [
        len(found.subjects[0].measured.users)
    ] * len(found.subjects)
    assert found.differences
    said = [event.message for event in events if isinstance(event, Noted)]
    assert len(said) == 1
    assert f"{train.n_ratings} of its {data.n_ratings + 1} rows, which are in train" in said[0]


@pytest.mark.parametrize("model", OPTIONS)
def test_a_model_scores_what_it_knows_the_same_over_another_catalogue(model: str) -> None:
    _, train, _ = parts(2)
    checkpoint = make_model(train, **OPTIONS[model])
    user_ids = np.array([77, *checkpoint.catalog.user_ids[::-2].tolist()])
    item_ids = np.array([999, *checkpoint.catalog.item_ids[::-1].tolist(), 998])
    catalog = dataclasses.replace(checkpoint.catalog, user_ids=user_ids, item_ids=item_ids)
    places = Places.of(checkpoint.catalog, catalog)
    laid = relaid(checkpoint, catalog, places)
    users, items = np.flatnonzero(places.users >= 0), np.arange(train.n_items)
    pairs = np.repeat(users, len(items)), np.tile(items, len(users))
    expected = scoring_of(checkpoint).pairs(*pairs)
    found = scoring_of(laid).pairs(places.users[pairs[0]], places.items[pairs[1]])
    known = (checkpoint.user_counts[pairs[0]] > 0) & (checkpoint.item_counts[pairs[1]] > 0)
    np.testing.assert_allclose(found[known], expected[known], rtol=1e-6)
    assert laid.item_counts.sum() == train.n_ratings
    assert np.isfinite(scoring_of(laid).pairs(np.array([0, 0]), np.array([0, 1]))).all()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(500, 100, 1.0)], "has no user in common with model"),
        ([(10, 500, 1.0)], "has no item in common with model"),
    ],
)
def test_data_of_another_shop_is_refused(rows: Triples, words: str) -> None:
    checkpoint = make_model(interactions(5, 5, 0.9, seed=1))
    with pytest.raises(InputError, match=words):
        measured({"model": checkpoint}, built(rows))


def test_ids_of_two_types_are_matched_as_they_are_written() -> None:
    _, train, test = parts(3)
    texts = built([(str(user), str(item), value) for user, item, value in triples(test)])
    model = {"model": make_model(train)}
    recall = f"recall@{K}"
    assert measured(model, texts).metrics[recall] == measured(model, test).metrics[recall]


def test_rows_since_a_time_are_taken() -> None:
    data = interactions(12, 9, 0.6, seed=4, times=True)
    assert data.timestamps is not None
    model = {"model": make_model(data.keep(data.timestamps < 25))}
    found = measured(model, data, since="30")
    expected = measured(model, data.keep(data.timestamps >= 30))
    assert found.metrics == expected.metrics
    counts = found.subjects[0].counts
    assert counts["rows_before_since"] == int((data.timestamps < 30).sum())
    assert found.subjects[0].protocol["since"] == "30"
    with pytest.raises(InputError, match="no row is from 1970-02-01 or later"):
        measured(model, data, since="1970-02-01")
    with pytest.raises(InputError, match="has no times, which --since needs"):
        measured(model, dataclasses.replace(data, timestamps=None), since="30")


def test_the_command_says_and_stores_what_it_left_out(cli: Cli, tmp_path: Path) -> None:
    data, train, _ = parts(5)
    rows = triples(data)
    later = built([*rows, (10, 900, 1.0), (900, 100, 1.0)], list(range(len(rows) + 2)))
    meta = meta_for("interactions", [])
    save_interactions(tmp_path / "new.npz", later.with_meta(meta))
    for name, seed in (("a.pt", 0), ("b.pt", 1)):
        write_model(tmp_path / name, train, seed)
    asked = ("evaluate", tmp_path / "a.pt", tmp_path / "b.pt", tmp_path / "new.npz", "--k", "3")
    result = cli(*asked, "--out", tmp_path / "metrics.json")
    assert result.exit_code == 0, result.stderr
    assert f"{train.n_ratings} of its {len(rows) + 2} rows" in result.stderr
    assert "users_new" in result.stdout
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written["counts"]["rows_in_train"] == train.n_ratings
    assert (written["counts"]["users_new"], written["counts"]["items_new"]) == (1, 1)
    assert "matched by value" in written["protocol"]["later"]
    assert all(model["counts"]["users_new"] == 1 for model in written["models"])
    late = cli(*asked, "--since", str(len(rows)), "--json")
    assert json.loads(late.stdout)["counts"]["test_rows"] == 2
    assert cli(*asked, "--since", "2100-01-01").exit_code == 3
    assert cli(*asked, "--since", "soon").exit_code == 2
    save_interactions(tmp_path / "train.npz", train.with_meta(meta))
    nothing = cli("evaluate", tmp_path / "a.pt", tmp_path / "train.npz")
    assert nothing.exit_code == 3
    assert "are in the training data as well" in nothing.stderr


def test_python_measures_later_data_too() -> None:
    data = mfcli.read("demo", users=40, items=30, ratings=500)
    train, test = mfcli.split(data, n=2)[:2]
    model = mfcli.fit(train, epochs=1, factors=2)
    found = [
        mfcli.evaluate(model, rows, metric=["recall@5"], relevant_from=1.0, baseline=False)
        for rows in (test, data)
    ]
    assert found[1].metrics == found[0].metrics
    assert found[1].subjects[0].counts["rows_in_train"] == train.n_ratings
