"""What a shop needs of its lists: whose changed, which rows are fallbacks, columns and formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mfcli.artifacts.tables.reading import read_columns
from mfcli.config import TableFormat, format_of
from mfcli.errors import UsageError
from mfcli.publishing.changes import KINDS, changes_between

SAMPLE = ["--users", "60", "--items", "40", "--ratings", "900"]
Lists = dict[str, list[str]]
LISTS = st.dictionaries(
    st.sampled_from(["1", "2", "a", "b", '"c,\n']),
    st.lists(st.sampled_from("uvwxyz"), unique=True, min_size=1, max_size=4),
    max_size=5,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory, cli) -> Path:
    """Make a matrix of which two users have no rating, and two models, with names and without."""
    folder = tmp_path_factory.mktemp("made")
    rows = [f"{user},{item},{1 + (user * item) % 5}" for user in range(30) for item in range(20)
            if (user + 3 * item) % 4]  # fmt: skip
    (folder / "data.csv").write_text("user,item,rating\n" + "\n".join(rows) + "\n")
    small = ["--epochs", "3", "--factors", "4"]
    for words in (
        ["fetch", folder / "data.csv", "--out", folder / "data.npz"],
        ["train", folder / "data.npz", *small, "--out", folder / "m.pt"],
        ["train", folder / "data.npz", *small, "--seed", "7", "--out", folder / "n.pt"],
        ["fetch", "demo", *SAMPLE, "--out", folder / "demo.npz"],
        ["train", folder / "demo.npz", *small, "--out", folder / "named.pt"],
    ):
        done = cli(*words)
        assert done.exit_code == 0, done.stderr
    return folder


def written(path: Path, lists: Lists) -> Path:
    rows = [(user, item) for user, items in lists.items() for item in items]
    columns = list(zip(*rows, strict=True)) if rows else [(), ()]
    kinds = {"user_id": pa.string(), "item_id": pa.string()}
    table = pa.table(
        [pa.array(it, pa.string()) for it in columns], schema=pa.schema([*kinds.items()])
    )
    pyarrow.parquet.write_table(table, path)
    return path


def naive(old: Lists, new: Lists) -> list[tuple[str, str, int, int]]:
    """Return what changed, list by list."""
    found = []
    for user in [*new, *(user for user in old if user not in new)]:
        then, now = old.get(user, []), new.get(user, [])
        if then == now:
            continue
        kind = "added" if not then else "changed" if now else "dropped"
        found.append((user, kind, len(set(now) - set(then)), len(set(then) - set(now))))
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(old=LISTS, new=LISTS)
def test_changes_are_those_of_a_naive_comparison(tmp_path_factory, old, new):
    folder = tmp_path_factory.getbasetemp()
    files = [written(folder / "old.parquet", old)], [written(folder / "new.parquet", new)]
    found = changes_between(*files)
    columns = (found.owners.to_pylist(), KINDS[found.kinds], found.gained, found.lost)
    assert [*zip(*(list(it) for it in columns), strict=True)] == naive(old, new)


def rows_of(path: Path) -> list[dict[str, Any]]:
    kind, table = read_columns(path, None)
    assert kind is format_of(path.name)
    return list(table.to_pylist())


def lists_in(path: Path) -> Lists:
    found: Lists = {}
    for row in rows_of(path):
        found.setdefault(str(row["user_id"]), []).append(str(row["item_id"]))
    return found


@pytest.mark.parametrize("kind", TableFormat)
def test_changes_of_a_file_that_is_replaced(cli, made, tmp_path, kind):
    out, changes = tmp_path / f"recs.{kind}", tmp_path / f"changes.{kind}"
    words = ["--out", out, "--k", "3", "--changes", changes, "--json"]
    (tmp_path / "some").write_text("\n".join(map(str, range(5, 30))))
    first = cli("recommend", made / "m.pt", *words, "--users", tmp_path / "some")
    assert first.exit_code == 0, first.stderr
    assert {row["change"] for row in rows_of(changes)} == {"added"}
    old = lists_in(out)
    (tmp_path / "some").write_text("\n".join(map(str, range(25))))
    second = cli("recommend", made / "n.pt", *words, "--users", tmp_path / "some")
    found = [tuple(row.values()) for row in rows_of(changes)]
    expected = naive(old, lists_in(out))
    assert [(str(user), *others) for user, *others in found] == expected
    counted = json.loads(second.stdout)["changes"]
    kinds = [row[1] for row in expected]
    assert counted == {name: kinds.count(name) for name in ("added", "changed", "dropped")}
    if kind is TableFormat.parquet:
        assert pyarrow.parquet.read_schema(changes).field("user_id").type == pa.int64()
    again = cli("recommend", made / "n.pt", *words, "--users", tmp_path / "some")
    assert again.exit_code == 0
    assert kind is TableFormat.jsonl or rows_of(changes) == []  # JSON lines of nobody have no keys
    assert json.loads(again.stdout)["changes"] == {"added": 0, "changed": 0, "dropped": 0}


def test_changes_of_a_folder_and_a_gate_that_refuses(cli, made, tmp_path):
    out, changes = tmp_path / "recs", tmp_path / "changes.csv"
    words = ["--out", f"{out}/", "--part-users", "8", "--k", "3", "--changes", changes]
    assert cli("recommend", made / "m.pt", *words).exit_code == 0
    assert len(rows_of(changes)) == 30
    assert cli("recommend", made / "m.pt", *words).exit_code == 0
    assert rows_of(changes) == []
    before = changes.read_bytes()
    refused = cli("recommend", made / "n.pt", *words, "--min-users", "99")
    assert refused.exit_code == 6
    assert changes.read_bytes() == before


@pytest.mark.parametrize(("words", "owner"), [([], "item_id"), (["--users"], "user_id")])
def test_similar_says_whose_neighbours_changed(cli, made, tmp_path, words, owner):
    out, changes, found = tmp_path / "near.csv", tmp_path / "changes.parquet", []
    for model in ("m.pt", "n.pt", "n.pt"):
        more = ["--out", out, "--k", "3", "--changes", changes, "--json"]
        done = cli("similar", made / model, *words, *more)
        assert done.exit_code == 0, done.stderr
        lists = read_columns(out, (owner, "similar_id"))[1].to_pydict()
        table: Lists = {}
        for whose, near in zip(lists[owner], lists["similar_id"], strict=True):
            table.setdefault(whose, []).append(near)
        found.append(table)
        before = found[-2] if len(found) > 1 else {}
        rows = pyarrow.parquet.read_table(changes).to_pylist()
        assert [(str(it[owner]), *list(it.values())[1:]) for it in rows] == naive(before, table)
        counted = json.loads(done.stdout)["changes"]
        assert sum(counted.values()) == len(rows)
    assert found[0] != found[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--changes", "near.csv"], "is or lies in the output"),
        (["--changes", "of"], "is an input"),
        (["--changes", "c.json"], ".json is the ending of no format"),
        (["--out", "-", "--changes", "c.csv"], "--out -"),
    ],
)
def test_changes_of_similar_that_cannot_be_are_refused(
    cli, made, tmp_path, monkeypatch, words, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "of").write_text("1\n")
    result = cli("similar", made / "m.pt", "--out", "near.csv", "--of", "of", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {"of", "near.csv.lock"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--changes", "-"], "name a file"),
        (["--changes", "recs.csv"], "is or lies in the output"),
        (["--changes", "users"], "is an input"),
        (["--changes", "c.json"], ".json is the ending of no format"),
        (["--changes", "c.csv", "--pairs", "p.csv"], "no meaning with --pairs"),
        (["--fallback-flag", "--pairs", "p.csv"], "no meaning with --pairs"),
        (["--out", "-", "--changes", "c.csv"], "--out -"),
        (["--out", "recs.xlsx"], "choose one of .csv, .csv.gz, .tsv, .parquet, .jsonl"),
        (["--out", "recs.json"], "choose one of"),
    ],
)
def test_what_cannot_be_is_refused_before_work_begins(
    cli, made, tmp_path, monkeypatch, words, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "users").write_text("1\n")
    result = cli("recommend", made / "m.pt", "--out", "recs.csv", "--users", "users", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"users"}


@pytest.mark.parametrize(
    "words",
    [["similar", "MODEL", "--out", "OUT"], ["evaluate", "MODEL", "MODEL", "--per-user", "OUT"]],
)
def test_other_tables_have_the_same_formats(cli, made, tmp_path, words):
    names = {"MODEL": made / "m.pt", "OUT": tmp_path / "x.json"}
    result = cli(*[names.get(word, word) for word in words])
    assert result.exit_code == 2
    assert "choose one of .csv" in result.stderr


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("", "csv"),
        ("recs", "csv"),
        ("recs.CSV", "csv"),
        ("recs.csv.gz", "csv.gz"),
        ("recs.tsv", "tsv"),
        ("recs.2026-11-26", "csv"),
        ("recs.csv.tmp", "csv"),
        ("recs.parquet.new", "parquet"),
        (".recs", "csv"),
        ("recs.gz", None),
        ("recs.parquet.gz", None),
        ("recs.json", None),
        ("recs.txt", None),
    ],
)
def test_the_ending_names_the_format(name, kind):
    if kind is None:
        with pytest.raises(UsageError, match="the ending of no format"):
            format_of(name)
    else:
        assert format_of(name) == kind


@pytest.mark.parametrize("kind", TableFormat)
def test_the_fallback_flag_tells_popular_rows_from_personal_ones(cli, made, tmp_path, kind):
    (tmp_path / "users").write_text("1\n2\n998\n999\n")
    out = tmp_path / f"recs.{kind}"
    words = ["--users", tmp_path / "users", "--out", out, "--fallback-flag", "--k", "2"]
    done = cli("recommend", made / "m.pt", *words)
    assert done.exit_code == 0, done.stderr
    rows = rows_of(out)
    assert len(rows) == 8
    flags = {int(row["user_id"]): str(row["fallback"]).lower() for row in rows}
    assert flags == {1: "false", 2: "false", 998: "true", 999: "true"}
    assert list(rows[0]) == ["user_id", "item_id", "rank", "score", "fallback"]


@pytest.mark.parametrize(
    ("model", "option", "there"),
    [
        ("m.pt", [], False),
        ("m.pt", ["--names"], True),
        ("named.pt", [], True),
        ("named.pt", ["--no-names"], False),
        ("named.pt", ["--names"], True),
    ],
)
def test_names_force_or_omit_their_column(cli, made, tmp_path, model, option, there):
    for command, column in (("recommend", "item_name"), ("similar", "similar_name")):
        out = tmp_path / f"{command}.csv"
        done = cli(command, made / model, "--out", out, "--k", "2", *option)
        assert done.exit_code == 0, done.stderr
        rows = rows_of(out)
        assert (column in rows[0]) == there
        if there:
            assert all(bool(row[column]) == (model == "named.pt") for row in rows)


def test_tabs_and_quotes_in_tsv(cli, tmp_path):
    source, out = tmp_path / "data.csv", tmp_path / "recs.tsv"
    source.write_text('user,item\na\tb,x\na\tb,"y ""z"""\n"c,d",x\n"c,d",w\n')
    assert cli("fetch", source, "--out", tmp_path / "d.npz").exit_code == 0
    train = cli("train", tmp_path / "d.npz", "--mode", "implicit", "--epochs", "1", "--factors",
                "2", "--out", tmp_path / "m.pt")  # fmt: skip
    assert train.exit_code == 0, train.stderr
    done = cli("recommend", tmp_path / "m.pt", "--out", out, "--max-churn", "1")
    assert done.exit_code == 0, done.stderr
    assert out.read_text().splitlines()[0] == "user_id\titem_id\trank\tscore"
    assert lists_in(out) == {"a\tb": ["w"], "c,d": ['y "z"']}
    again = cli("recommend", tmp_path / "m.pt", "--out", out, "--max-churn", "0", "--json")
    assert json.loads(again.stdout)["churn"] == 0
