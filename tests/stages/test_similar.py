"""similar and export: nearest vectors as a full sort has them; the model's arrays as Parquet."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.config import ModelKind, SimilarConfig, Similarity
from mfcli.data.interactions import Catalog
from mfcli.scoring.neighbours import nearest
from mfcli.scoring.request import Filters
from mfcli.stages.similar import similar
from tests.helpers import from_mask, interactions
from tests.models_on_disk import list_scores, make_model, write_model


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@settings(deadline=None, max_examples=80)
@given(
    seed=st.integers(0, 999),
    k=st.integers(1, 12),
    by=st.sampled_from(Similarity),
    users=st.booleans(),
    cold=st.booleans(),
    without=st.booleans(),
    workers=st.integers(1, 2),
)
def test_neighbours_are_those_of_a_full_sort(seed, k, by, users, cold, without, workers) -> None:
    """Ties, vectors of length 0, cold rows, k beyond what there is."""
    train = interactions(8, 10, 0.25, seed)
    model = make_model(train, seed)
    side, ids, counts = (
        ("user", train.catalog.user_ids, train.user_counts)
        if users
        else ("item", train.catalog.item_ids, train.item_counts)
    )
    vectors = model.weights[f"{side}_factors"].astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1)
    allowed = (lengths > 0) & (cold | (counts > 0))
    filters = Filters()
    if without and not users:
        filters = Filters(exclude_items=ids[[2, 3]])
        allowed[[2, 3]] = False
    config = SimilarConfig(k=k, by=by, users=users, include_cold=cold, workers=workers)
    ranker, lists = nearest(model, config, filters=filters)
    columns = ranker.table(lists)
    assert list(columns) == [f"{side}_id", "similar_id", "rank", "score"]
    found = list(zip(*(column.tolist() for column in columns.values()), strict=True))
    compared = vectors.astype(np.float32)
    if by is Similarity.cosine:
        compared = (vectors / np.where(lengths > 0, lengths, 1)[:, None]).astype(np.float32)
    nearness = np.round((compared.astype(np.float64) @ compared.T.astype(np.float64)), 5)
    expected = {}
    for row in np.flatnonzero(lengths > 0):
        best = [at for at in np.flatnonzero(allowed) if at != row]
        best.sort(key=lambda at: (-nearness[row, at], at))
        expected[int(ids[row])] = [nearness[row, at] for at in best[:k]]
        if by is Similarity.dot:  # exact: the order of ties shows
            mine = [other for name, other, *_ in found if name == ids[row]]
            assert mine == [int(ids[at]) for at in best[:k]]
    grouped: dict[int, list[float]] = {}
    for name, other, rank, score in found:
        assert name != other
        grouped.setdefault(name, []).append(float(score))
        assert rank == len(grouped[name])
    assert set(grouped) == {name for name, scores in expected.items() if scores}
    for name, scores in grouped.items():
        assert scores == pytest.approx(expected[name], abs=2e-5)


@pytest.mark.parametrize("users", [False, True])
@pytest.mark.parametrize("by", Similarity)
def test_the_file_holds_the_neighbours_that_memory_has(tmp_path, users, by) -> None:
    train = interactions(30, 40, 0.1, 7)
    model = write_model(tmp_path / "m.pt", train, 7)
    options = {"k": 5, "by": by, "users": users}
    filters = Filters()
    if not users:
        (tmp_path / "not").write_text("102\n103\n")
        options["exclude_items"] = str(tmp_path / "not")
        filters = Filters(exclude_items=[102, 103])
    result = similar(tmp_path / "m.pt", tmp_path / "s.csv", SimilarConfig.merge(("", options)))
    header, *found = rows((tmp_path / "s.csv").read_text())
    ranker, lists = nearest(model, SimilarConfig(k=5, by=by, users=users), filters=filters)
    columns = ranker.table(lists)
    assert header == list(columns)
    expected = list(zip(*(column.tolist() for column in columns.values()), strict=True))
    np.testing.assert_allclose(np.array(found, float), np.array(expected), atol=1e-6)
    assert result.n_rows == len(found) > 0
    ids = train.catalog.user_ids if users else train.catalog.item_ids
    some = ids[[3, 0]].tolist()
    ranker, lists = nearest(model, SimilarConfig(k=5, by=by, users=users), of=[*some, "nobody"])
    assert set(ids[lists.rows].tolist()) <= set(some)


@pytest.fixture
def model(tmp_path):
    names = np.array([f"item {at}" for at in range(9)])
    train = interactions(7, 9, 0.5, 1)
    catalog = Catalog(train.catalog.user_ids, train.catalog.item_ids, names)
    train = from_mask(train.csr().toarray() > -1, np.ones(63), catalog)
    write_model(tmp_path / "m.pt", train, 4, factors=3)
    return tmp_path / "m.pt"


def test_some_items_get_the_rows_that_they_have_among_all(cli, model, tmp_path) -> None:
    everything = rows(cli("similar", model, "--out", "-", "--k", "3").stdout)
    assert everything[0] == ["item_id", "similar_id", "rank", "score", "item_name", "similar_name"]
    assert everything[1][4] == f"item {int(everything[1][0]) - 100}"
    some = cli("similar", model, "--out", "-", "--k", "3", "--of", "-", input="108\n100\n")
    assert rows(some.stdout)[1:] == [row for row in everything[1:] if row[0] in ("100", "108")]
    for ending in ("parquet", "jsonl", "csv.gz"):
        out = tmp_path / f"s.{ending}"
        assert cli("similar", model, "--out", out, "--k", "3", "--workers", "1").exit_code == 0
        first = out.read_bytes()
        assert cli("similar", model, "--out", out, "--k", "3", "--workers", "2").exit_code == 0
        assert out.read_bytes() == first
    assert pq.read_table(tmp_path / "s.parquet").num_rows == len(everything) - 1
    result = cli("similar", model, "--out", "-", "--of", "-", input="nothing\n")
    assert result.exit_code == 3
    assert cli("similar", model, "--out", "-", "--users", "--items", "x").exit_code == 2


def test_an_export_scores_as_lists_do(cli, model, tmp_path) -> None:
    out = tmp_path / "arrays"
    result = cli("export", model, "--out", out, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["factors"] == 3
    items, users = (pq.read_table(out / f"{side}.parquet") for side in ("items", "users"))
    assert items.column_names == ["item_id", "bias", "factors", "name"]
    assert users.column_names == ["user_id", "bias", "factors"]
    meta = json.loads((out / "meta.json").read_text())
    of_users, of_items = (np.array(table["factors"].to_pylist()) for table in (users, items))
    scores = of_users @ of_items.T + items["bias"].to_numpy() + users["bias"].to_numpy()[:, None]
    from mfcli.artifacts.checkpoint import load_checkpoint

    np.testing.assert_allclose(
        scores + meta["mean"], list_scores(load_checkpoint(model)), atol=1e-6
    )
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    assert cli("export", model, "--out", out).exit_code == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first


@pytest.mark.parametrize(
    "options", [{"model": ModelKind.neural}, {"model": ModelKind.popularity, "factors": None}]
)
def test_a_model_without_vectors_is_refused(cli, tmp_path, options) -> None:
    write_model(tmp_path / "m.pt", interactions(5, 4, 0.5, 1), **options)
    for command in ("similar", "export"):
        result = cli(command, tmp_path / "m.pt", "--out", tmp_path / "out")
        assert result.exit_code == 2
        assert "--model mf or biased-mf" in result.stderr
        assert not (tmp_path / "out").exists()
