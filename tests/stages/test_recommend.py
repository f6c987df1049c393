"""recommend: the rows of a naive full sort, under every filter; files, standard input, gates."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import stat
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mfcli.artifacts import output_lock, save_interactions
from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.codes import WarningCode
from mfcli.config import ModelKind, RecommendConfig, UnknownUsers
from mfcli.data.interactions import Catalog, Interactions
from mfcli.errors import InputError
from mfcli.events import Warned
from mfcli.ranking import catalogue as ranking
from mfcli.results import RecommendResult
from mfcli.scoring.ids import IdPairs
from mfcli.scoring.pairs import score_pairs
from mfcli.scoring.recommender import make_recommender, recommend_lists
from mfcli.scoring.request import Filters
from mfcli.stages.recommend import recommend
from tests.helpers import from_mask, interactions
from tests.models_on_disk import all_scores, make_model, write_model

N_USERS, N_ITEMS = 9, 11
STRANGERS = ["new one", "77"]
EVERYONE = [*(f"u{at}" for at in range(N_USERS)), *STRANGERS]


def random_matrix(seed: int, density: float) -> Interactions:
    """Draw a matrix with names; user 0 has seen all, user 1 nothing, item 0 is cold."""
    random = np.random.default_rng(seed)
    there = random.random((N_USERS, N_ITEMS)) < density
    there[0], there[1], there[:, 0] = True, False, False
    catalog = Catalog(
        np.array([f"u{at}" for at in range(N_USERS)]),
        np.arange(N_ITEMS) + 100,
        np.array([f"name, {at}" for at in range(N_ITEMS)]),
    )
    return from_mask(there, np.ones(int(there.sum())), catalog)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A request, as values: users and pairs by their ids' text, items by their columns.

    options: those of recommend that name no file; newer: rows and columns of a newer matrix;
    block: users of a block.
    """

    matrix_seed: int = 0
    density: float = 0.5
    model_seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    users: list[str] | None = None
    items: set[int] | None = None
    exclude_items: set[int] | None = None
    exclude: set[tuple[str, int]] | None = None
    newer: set[tuple[int, int]] | None = None
    block: int = 256

    def train(self) -> Interactions:
        return random_matrix(self.matrix_seed, self.density)

    def newer_matrix(self) -> Interactions:
        """Return the newer matrix: its own order, a stranger who has seen item 3, an item more."""
        assert self.newer is not None
        there = np.zeros((N_USERS + 1, N_ITEMS), bool)
        there[tuple(zip(*self.newer, strict=True))] = True
        there[N_USERS, 3] = True
        ids = np.array([*EVERYONE[:N_USERS], STRANGERS[0]])
        return from_mask(
            np.hstack([there[::-1, ::-1], there[:, :1]]),
            np.ones(int(there.sum() + there[:, 0].sum())),
            Catalog(ids[::-1], np.array([*range(110, 99, -1), 5])),
        )

    def filters(self) -> Filters:
        """Return the filters as values."""
        exclude = sorted(self.exclude or ())
        pairs = [user for user, _ in exclude], [100 + item for _, item in exclude]
        return Filters(
            items=None if self.items is None else [100 + item for item in self.items],
            exclude_items=[100 + item for item in self.exclude_items or ()],
            exclude=None if self.exclude is None else IdPairs.of_ids(*pairs),
            seen=None if self.newer is None else IdPairs.of(self.newer_matrix()),
        )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw ties, a user who has seen all, one item left, k beyond the catalogue, every filter."""
    items, users = st.integers(0, N_ITEMS - 1), st.integers(0, N_USERS - 1)
    pairs = st.tuples(st.sampled_from(EVERYONE), items)
    return Case(
        matrix_seed=draw(st.integers(0, 99)),
        density=draw(st.sampled_from([0.1, 0.5, 1.0])),
        model_seed=draw(st.integers(0, 99)),
        options={
            "k": draw(st.integers(1, 13)),
            "include_seen": draw(st.booleans()),
            "include_cold": draw(st.booleans()),
            "workers": draw(st.integers(1, 2)),
            "unknown_users": draw(st.sampled_from([UnknownUsers.popular, UnknownUsers.skip])),
            "min_score": draw(st.none() | st.sampled_from([-1.0, 0.5])),
        },
        users=draw(st.none() | st.lists(st.sampled_from(EVERYONE), min_size=1, unique=True)),
        items=draw(st.none() | st.sets(items, min_size=1)),
        exclude_items=draw(st.none() | st.sets(items, min_size=1)),
        exclude=draw(st.none() | st.sets(pairs).map(lambda some: some | {(EVERYONE[0], 0)})),
        newer=draw(st.none() | st.sets(st.tuples(users, items), min_size=1)),
        block=draw(st.sampled_from([1, 2, 4, 256])),
    )


def full_sort(case: Case, model: Checkpoint) -> tuple[list[list[str]], np.ndarray]:
    """Sort every user's whole catalogue, best first, ties by item order; also what is allowed."""
    train, options = case.train(), RecommendConfig(**case.options)
    allowed = np.ones(N_ITEMS, bool) if options.include_cold else train.item_counts > 0
    if case.items is not None:
        allowed &= np.isin(np.arange(N_ITEMS), list(case.items))
    if case.exclude_items is not None:
        allowed &= ~np.isin(np.arange(N_ITEMS), list(case.exclude_items))
    masked = set(case.exclude or ())
    if not options.include_seen:
        masked |= {(EVERYONE[u], i) for u, i in zip(train.users, train.indices, strict=True)}
    if case.newer is not None:
        masked |= {(EVERYONE[u], i) for u, i in case.newer} | {(STRANGERS[0], 3)}
    ids = model.catalog.user_ids.tolist()
    asked = ids
    if case.users is not None:
        asked = [user for user in ids if user in case.users]
        asked += [user for user in case.users if user not in ids]
    scores, rows = all_scores(model), []
    for user in asked:
        known = user in ids and model.user_counts[ids.index(user)] > 0
        if not known and options.unknown_users is UnknownUsers.skip:
            continue
        line = scores[ids.index(user)] if known else model.item_counts.astype(float)
        items = [at for at in range(N_ITEMS) if allowed[at] and (user, at) not in masked]
        if known and options.min_score is not None:
            items = [at for at in items if line[at] >= options.min_score]
        items.sort(key=lambda at: (-line[at], at))
        assert model.catalog.item_names is not None
        rows += [
            [
                user,
                str(model.catalog.item_ids[at]),
                str(rank),
                f"{np.float32(line[at]):g}",
                str(model.catalog.item_names[at]),
            ]
            for rank, at in enumerate(items[: options.k], 1)
        ]
    return rows, allowed


# What a draw might miss: nobody known, nothing left, everything left, one user a block.
EDGES = [
    Case(),
    Case(density=1.0, options={"k": 13}),
    Case(density=1.0, options={"k": 13, "include_seen": True, "include_cold": True}),
    Case(users=STRANGERS, options={"k": 3}, newer={(2, 3)}),
    Case(users=STRANGERS, options={"unknown_users": UnknownUsers.skip}),
    Case(items={0}, options={"k": 1}),
    Case(items={4}, exclude_items={4}),
    Case(block=1, exclude={("u2", 3), (STRANGERS[1], 5)}, users=["u2", "u1", *STRANGERS]),
    Case(options={"min_score": 99.0}),
]


def edges(test: Any) -> Any:
    """Add the fixed cases to a test of drawn ones."""
    for case in EDGES:
        test = example(case=case)(test)
    return test


@settings(deadline=None, max_examples=120)
@given(case=cases())
@edges
def test_lists_in_memory_are_those_of_a_full_sort(case: Case) -> None:
    model = make_model(case.train(), case.model_seed, rank_shrinkage=0.0)  # exact sums
    config = RecommendConfig(**case.options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "BLOCK_USERS", case.block)
        recommender = make_recommender(model, config, users=case.users, filters=case.filters())
        lists = recommender.rank_all()
    expected, allowed = full_sort(case, model)
    columns = recommender.table(lists)
    assert list(columns) == ["user_id", "item_id", "rank", "score", "item_name"]
    found = [list(map(str, row)) for row in zip(*columns.values(), strict=True)]
    assert [[*row[:3], f"{np.float32(row[3]):g}", row[4]] for row in found] == expected
    assert recommender.request.allowed.tolist() == allowed.tolist()
    assert lists.rows.tolist() == recommender.rows.tolist()
    assert lists.items.shape == lists.scores.shape == (len(lists.rows), min(config.k, N_ITEMS))


def table_of(path: Path) -> list[list[str]]:
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8"), newline="")))
    assert rows[0] == ["user_id", "item_id", "rank", "score", "item_name"]
    return [[*row[:3], f"{np.float32(row[3]):g}", row[4]] for row in rows[1:]]


def write_lines(path: Path, lines: Iterable[object]) -> str:
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return str(path)


@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(case=cases())
@edges
def test_rows_are_those_of_a_full_sort(tmp_path: Path, case: Case) -> None:
    """The same as in memory, each filter read from a file."""
    model = write_model(tmp_path / "m.pt", case.train(), case.model_seed, rank_shrinkage=0.0)
    options = {**case.options, "allow_empty": True}  # users may be newcomers only
    if case.users is not None:
        options["users"] = write_lines(tmp_path / "users", case.users)
    if case.items is not None:
        options["items"] = write_lines(tmp_path / "items", (100 + item for item in case.items))
    if case.exclude_items is not None:
        columns = (100 + item for item in case.exclude_items)
        options["exclude_items"] = write_lines(tmp_path / "not", columns)
    if case.exclude is not None:
        rows = (f"{user},{100 + item}" for user, item in sorted(case.exclude))
        options["exclude"] = write_lines(tmp_path / "bought.csv", ["user,item", *rows])
    if case.newer is not None:
        newer = case.newer_matrix().with_meta({"schema": 1})
        save_interactions(tmp_path / "newer.npz", newer)
        options["seen"] = str(tmp_path / "newer.npz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "BLOCK_USERS", case.block)
        result = recommend(tmp_path / "m.pt", tmp_path / "r.csv", RecommendConfig(**options))
    assert isinstance(result, RecommendResult)
    expected, allowed = full_sort(case, model)
    assert table_of(tmp_path / "r.csv") == expected
    assert result.n_rows == len(expected)
    assert result.users_with_rows == len({row[0] for row in expected})
    assert result.coverage == len({row[1] for row in expected}) / max(1, allowed.sum())


def test_lists_come_from_values_alone() -> None:
    model = make_model(interactions(60, 40, 0.2, 3), 1)
    everybody = recommend_lists(model, RecommendConfig(k=3))
    assert everybody.items.shape == everybody.scores.shape == (60, 3)
    some = recommend_lists(model, RecommendConfig(k=3), users=[12, 10, "nobody"])
    assert some.rows.tolist() == [0, 2, 60]
    assert some.items[:2].tolist() == everybody.items[[0, 2]].tolist()
    allowed = np.array([105, 107])
    only = recommend_lists(model, users=np.array([12]), filters=Filters(items=allowed))
    assert set(only.items[only.items >= 0].tolist()) <= {5, 7}
    assert len(recommend_lists(model, users=[]).rows) == 0
    with pytest.raises(InputError, match="nobody"):
        recommend_lists(model, RecommendConfig(unknown_users=UnknownUsers.error), users=["nobody"])
    told: list[Any] = []
    make_recommender(model, filters=Filters(exclude_items=[5]), on_event=told.append)
    assert told == [
        Warned(WarningCode.ids, "exclude_items: 1 item id is unknown to the model: left out")
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make a model that all tests below read: 60 users, 40 items, integer ids, no names."""
    folder = tmp_path_factory.mktemp("made")
    write_model(folder / "m.pt", interactions(60, 40, 0.2, 3), 1)
    return folder / "m.pt"


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))[1:]


@pytest.mark.parametrize(
    "text",
    [
        "10\n12\n",
        "user_id\n12\n10\n",
        "a,userId\nx,10\ny,12\n",
        'name\tuser\n"b"\t"12"\nc\t10\n',
        '"10"\r\n"12"\r\n',
        "\ufeffUSER_ID,n\n10,1\n\n12,2\n10,3\n",
    ],
)
def test_users_come_from_lines_or_from_the_column_of_a_table(cli, made, tmp_path, text) -> None:
    (tmp_path / "users").write_bytes(text.encode())
    named = cli("recommend", made, "--out", "-", "--k", "2", "--users", tmp_path / "users")
    piped = cli("recommend", made, "--out", "-", "--k", "2", "--users", "-", input=text.encode())
    assert [row[0] for row in rows(named.stdout)] == ["10", "10", "12", "12"]
    assert piped.stdout == named.stdout


def test_an_id_may_hold_commas_and_quotes(cli, tmp_path) -> None:
    ids = np.array(["a,b", 'say "x"', "user_id", "c"])
    train = from_mask(np.ones((4, 2), bool), np.ones(8), Catalog(ids, np.arange(2)))
    write_model(tmp_path / "m.pt", train)
    text = 'a,b\n"say ""x"""\nuser_id\n'
    asked = ("--include-seen", "--k", "1", "--users", "-", "--unknown-users", "error")
    result = cli("recommend", tmp_path / "m.pt", "--out", "-", *asked, input=text)
    assert result.exit_code == 0, result.stderr
    assert [row[0] for row in rows(result.stdout)] == ["a,b", 'say "x"', "user_id"]


def test_ids_that_the_model_does_not_know_are_counted(cli, made, tmp_path) -> None:
    (tmp_path / "some").write_text("item_id\n100\n5\n6\n")
    (tmp_path / "pairs.csv").write_text("user,item\n10,100\n10,5\n3,100\n")
    result = cli(
        "recommend",
        made,
        "--out",
        tmp_path / "r.csv",
        "--json",
        "--exclude-items",
        tmp_path / "some",
        "--exclude",
        tmp_path / "pairs.csv",
    )
    document = json.loads(result.stdout)
    assert document["counts"] == {"exclude_items_unknown": 2, "exclude_unknown": 2}
    assert "2 item ids are unknown" in result.stderr
    assert document["lineage"][0]["stage"] == "test"


def test_the_ending_names_the_format_and_the_mode_is_0644(cli, made, tmp_path) -> None:
    before = os.umask(0o022)
    try:
        for name in ("r.csv", "r.csv.gz", "r.parquet", "r.jsonl"):
            assert cli("recommend", made, "--out", tmp_path / name, "--k", "3").exit_code == 0
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o644
    finally:
        os.umask(before)
    text = (tmp_path / "r.csv").read_bytes()
    assert gzip.decompress((tmp_path / "r.csv.gz").read_bytes()) == text
    found = pq.read_table(tmp_path / "r.parquet")
    assert found.column_names == ["user_id", "item_id", "rank", "score"]
    expected = [(int(u), int(i), int(r), np.float32(s)) for u, i, r, s in rows(text.decode())]
    columns = (found[name].to_pylist() for name in found.column_names)
    assert [(*row[:3], np.float32(row[3])) for row in zip(*columns, strict=True)] == expected
    lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [tuple(line.values())[:3] for line in lines] == [row[:3] for row in expected]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--shard", "1/2"], "--shard"),
        (["--resume"], "--resume"),
        (["--part-users", "3"], "slash"),
        (["--format", "csv"], "--format"),
        (["--shard", "3/2"], "between"),
        (["--shard", "x"], "1/4"),
        (["--items", "-"], "--items"),
        (["--pairs", "p.csv", "--k", "3"], "--k"),
        (["--pairs", "p.csv", "--max-churn", "0.5"], "--max-churn"),
        (["--min-coverage", "2"], "maximum"),
        (["--pairs", "p.csv", "--workers", "2"], "--workers"),
    ],
)
def test_options_that_mean_nothing_are_refused(cli, tmp_path, options, word) -> None:
    result = cli("recommend", tmp_path / "none.pt", "--out", tmp_path / "r.csv", *options)
    assert result.exit_code == 2
    assert word in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_standard_output_replaces_nothing(cli, made) -> None:
    for options in (["--min-users", "1"], ["--keep-previous"], ["--max-churn", "1"]):
        assert cli("recommend", made, "--out", "-", *options).exit_code == 2


# --- the cron contract ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--min-users", "61"], "60 users have a row"),
        (["--min-coverage", "0.99", "--k", "1"], "--min-coverage asks for 0.99"),
        (["--max-churn", "0.2", "--k", "6"], "0.5000 of the lists changed"),
        (["--max-age", "2"], "3 days ago"),
    ],
)
@pytest.mark.parametrize("out", ["r.csv", "recs/"])
def test_a_gate_that_is_not_met_leaves_the_old_output(
    cli, made, tmp_path, options, word, out
) -> None:
    model = tmp_path / "m.pt"
    model.write_bytes(made.read_bytes())
    path = f"{tmp_path}/{out}"
    assert cli("recommend", model, "--out", path, "--k", "3").exit_code == 0
    before = content(Path(path))
    days = time.time() - 3 * 86_400
    os.utime(model, (days, days))
    result = cli("recommend", model, "--out", path, "--k", "3", *options, "--json")
    assert result.exit_code == 6
    assert word in result.stderr
    assert json.loads(result.stdout)["error"]["exit_status"] == 6
    assert content(Path(path)) == before
    passing = ("--min-users", "60", "--min-coverage", "0.1", "--max-churn", "0.6", "--max-age", "4")
    result = cli("recommend", model, "--out", path, "--k", "6", *passing, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["churn"] == pytest.approx(0.5)


def content(path: Path) -> dict[str, bytes]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return {path.name: path.read_bytes() for path in files}


@pytest.mark.parametrize("out", ["r.parquet", "recs/"])
def test_the_first_output_has_no_churn_and_the_previous_one_is_kept(
    cli, made, tmp_path, out
) -> None:
    path = Path(f"{tmp_path}/{out}")
    options = ("recommend", made, "--out", f"{tmp_path}/{out}", "--keep-previous")
    result = cli(*options, "--k", "1", "--max-churn", "0")
    assert result.exit_code == 0
    assert "no earlier output" in result.stderr
    contents = [content(path)]
    previous = path.with_name(f"{path.name}.previous")
    assert not previous.exists()
    for k in ("2", "3"):
        assert cli(*options, "--k", k).exit_code == 0
        assert list(content(previous).values()) == list(contents[-1].values())
        contents.append(content(path))
    assert len({json.dumps(sorted(map(str, files.items()))) for files in contents}) == 3
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {path.name, previous.name, f"{path.name}.lock"}


def test_a_locked_output_is_waited_for(cli, made, tmp_path) -> None:
    out = tmp_path / "r.csv"
    with output_lock(out):
        result = cli("recommend", made, "--out", out, "--wait", "0.3")
        assert result.exit_code == 7
        assert "after 0.3 s" in result.stderr
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with output_lock(out):
            entered.set()
            leave.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait(30)
    threading.Timer(0.3, leave.set).start()
    assert cli("recommend", made, "--out", out, "--wait", "30").exit_code == 0
    thread.join()


# --- pairs ------------------------------------------------------------------------------------


def test_pairs_are_scored_in_their_order_by_what_is_known(cli, tmp_path) -> None:
    train = interactions(6, 5, 0.4, 2)
    model = write_model(tmp_path / "m.pt", train, 5)
    scores = all_scores(model)
    weights = {name: weight.astype(np.float64) for name, weight in model.weights.items()}
    nobody = weights["user_bias"][train.user_counts > 0].mean()
    nothing = weights["item_bias"][train.item_counts > 0].mean()
    random = np.random.default_rng(0)
    users, items = random.integers(9, 17, 300), random.integers(99, 106, 300)
    text = "item,user\n" + "".join(f"{i},{u}\n" for u, i in zip(users, items, strict=True))
    (tmp_path / "pairs.csv").write_text(text)
    expected = []
    for u, i in zip(users - 10, items - 100, strict=True):
        known_user, known_item = 0 <= u < 6, 0 <= i < 5
        if known_user and known_item:
            expected.append(scores[u, i])
        else:
            of_user = weights["user_bias"][u, 0] if known_user else nobody
            of_item = weights["item_bias"][i, 0] if known_item else nothing
            expected.append(of_user + of_item + weights["global_mean"])
    recommend = ("recommend", tmp_path / "m.pt", "--pairs")
    piped = cli(*recommend, "-", "--out", "-", input=text)
    assert piped.exit_code == 0, piped.stderr
    found = rows(piped.stdout)
    assert [row[:2] for row in found] == [
        [str(u), str(i)] for u, i in zip(users, items, strict=True)
    ]
    np.testing.assert_allclose([float(row[2]) for row in found], expected, atol=1e-6)
    in_memory = score_pairs(model, users, items)
    assert [np.float32(row[2]) for row in found] == in_memory.scores.tolist()
    result = cli(*recommend, tmp_path / "pairs.csv", "--out", tmp_path / "p.parquet", "--json")
    document = json.loads(result.stdout)
    assert document["n_rows"] == 300
    unknown = ~np.isin(users - 10, np.flatnonzero(train.user_counts))
    assert document["unknown_user_rows"] == unknown.sum() == in_memory.unknown_users
    table = pq.read_table(tmp_path / "p.parquet")
    assert table.column_names == ["user_id", "item_id", "score"]
    assert table["user_id"].to_pylist() == users.tolist()
    # Parquet goes in as well, and JSON lines out.
    assert cli(*recommend, tmp_path / "p.parquet", "--out", tmp_path / "p.jsonl").exit_code == 0
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert [line["item_id"] for line in lines] == items.tolist()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no rows"),
        ("user,item\n10,100\n,101\n", "row 2: the user is missing"),
        ('{"user": 1, "item": 2}\n', "not from jsonl"),
        ("user,item\n1,2\n1,2,3\n", "line 3: has 3 columns"),
    ],
)
def test_pairs_that_cannot_be_read_leave_nothing(cli, made, tmp_path, text, reason) -> None:
    (tmp_path / "p.csv").write_text(text)
    out = tmp_path / "out.parquet"
    result = cli("recommend", made, "--pairs", tmp_path / "p.csv", "--out", out)
    assert result.exit_code == 3
    assert reason in result.stderr
    assert not out.exists()


def test_a_neural_model_scores_pairs_as_it_ranks_without_shrinkage(cli, tmp_path) -> None:
    train = interactions(12, 9, 0.4, 4)
    apart = {"model": ModelKind.neural, "hidden": [3], "rank_shrinkage": 0.0}
    write_model(tmp_path / "m.pt", train, 2, **apart)
    listed = cli("recommend", tmp_path / "m.pt", "--out", tmp_path / "r.csv", "--k", "9")
    assert listed.exit_code == 0, listed.stderr
    table = rows((tmp_path / "r.csv").read_text())
    assert table
    text = "user,item\n" + "".join(f"{row[0]},{row[1]}\n" for row in table)
    scored = rows(
        cli("recommend", tmp_path / "m.pt", "--pairs", "-", "--out", "-", input=text).stdout
    )
    known = {int(user) for user in train.catalog.user_ids[train.user_counts > 0]}
    for row, pair in zip(table, scored, strict=True):
        if int(row[0]) in known:
            assert float(pair[2]) == pytest.approx(float(row[3]), abs=1e-5)


def test_csv_safe_is_about_csv(cli, tmp_path) -> None:
    for command in ("recommend", "similar"):
        out = tmp_path / "r.parquet"
        result = cli(command, tmp_path / "none.pt", "--out", out, "--csv-safe")
        assert result.exit_code == 2
        assert "--csv-safe" in result.stderr
    ids = np.array(["=A1", "b"])
    write_model(
        tmp_path / "m.pt", from_mask(np.ones((1, 2), bool), np.ones(2), Catalog(np.arange(1), ids))
    )
    result = cli("recommend", tmp_path / "m.pt", "--out", "-", "--include-seen", "--csv-safe")
    assert {row[1] for row in rows(result.stdout)} == {"'=A1", "b"}
