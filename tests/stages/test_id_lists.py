"""Files of ids that recommend and similar read: any cut, any header, and nothing silent."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.artifacts import save_interactions
from mfcli.data.ids import BLANKS, encode
from mfcli.data.interactions import Catalog
from mfcli.scoring.ids import IdIndex
from tests.helpers import from_mask, interactions
from tests.models_on_disk import write_model


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a model: users 10 to 69, items 100 to 139."""
    folder = tmp_path_factory.mktemp("made")
    write_model(folder / "m.pt", interactions(60, 40, 0.2, 3), 1)
    return folder / "m.pt"


def items_of(text: str) -> set[str]:
    return {row[1] for row in list(csv.reader(io.StringIO(text, newline="")))[1:]}


EXCLUSIONS = [
    "product_id\n100\n101\n",
    "sku,name\n100,a\n101,b\n",
    "name;asin\nx;100\ny;101\n",
    ",product_id\n0,100\n1,101\n",
    '"item","n"\n"100","1"\n"101","2"\n',
    "artikelnummer\n100\n101\n",
    "product_id,title\n100,A, b and c\n101,x\n",
    "100 \n\t101\r\n",
    "100.0\n101.0\n",
    "\ufeff100\n\u00a0101\n",
]


@pytest.mark.parametrize("text", EXCLUSIONS)
def test_a_banned_item_is_not_recommended_however_it_is_listed(cli, made, tmp_path, text) -> None:
    (tmp_path / "ban").write_bytes(text.encode())
    options = ("--k", "40", "--exclude-items", tmp_path / "ban")
    result = cli("recommend", made, "--out", "-", *options)
    assert result.exit_code == 0, result.stderr
    assert not items_of(result.stdout) & {"100", "101"}
    assert "unknown to the model" not in result.stderr


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
def test_a_list_is_decoded_as_a_table_is(cli, made, tmp_path, encoding) -> None:
    (tmp_path / "ban").write_bytes("sku;titre\n100;Amélie\n101;Crème brûlée\n".encode(encoding))
    options = ("--k", "40", "--exclude-items", tmp_path / "ban")
    result = cli("recommend", made, "--out", "-", *options)
    assert result.exit_code == 0, result.stderr
    assert not items_of(result.stdout) & {"100", "101"}
    assert ("W-encoding" in result.stderr) == (encoding == "cp1252")


def test_a_list_may_be_parquet(cli, made, tmp_path) -> None:
    pq.write_table(pa.table({"n": [1, 2], "item_id": [100.0, 101.0]}), tmp_path / "ban")
    options = ("--k", "40", "--exclude-items", tmp_path / "ban")
    result = cli("recommend", made, "--out", "-", *options)
    assert result.exit_code == 0, result.stderr
    assert not items_of(result.stdout) & {"100", "101"}


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("--exclude-items", "a\nb\n", "2 item ids, and none is in the model (the first is 'a'"),
        ("--items", "1\n2\n", "2 item ids, and none is in the model"),
        ("--exclude", "user,item\n10,1\n11,2\n", "2 item ids, and none is in the model"),
        ("--exclude", "user,item\n1,100\n2,100\n", "2 user ids, and none is in the model"),
        ("--users", "ann\nbob\n", "2 user ids, and none is in the model"),
        ("--pairs", "user,item\n1,1\n2,2\n", "2 rows, and none has a user or an item"),
        ("--exclude-items", "a,b\nx,y\n", "has 2 columns, and none is known as the item"),
        ("--users", "1\n2\n", "(the first is '1', the model's first is '10')"),
        ("--history", "user,item,rating\n10,1,3\n", "holds no item that the model knows"),
        ("--history", "", "names no row"),
        ("--history", "user,item\n", "names no row"),
        ("--history", "user,item\n10,100\nNULL,101\n", "line 3: the user is missing ('NULL')"),
        ("--exclude", "user,item\n10,100\n10,nan\n", "line 3: the item is missing ('nan')"),
        ("--pairs", "user,item\n10,100\nNaN,101\n", "row 2: the user is missing ('NaN')"),
        ("--pairs", "user,item\n10,100\n10,\n", "row 2: the item is missing"),
        ("--users", "user_id\nNULL\n", "names no user"),
        ("--users", "", "names no user"),
        ("--users", "user_id\n", "names no user"),
        ("--items", "", "names no item"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_the_output_stays(
    cli, made, tmp_path, option, text, message
) -> None:
    (tmp_path / "some").write_text(text)
    out = tmp_path / "r.csv"
    out.write_text("old")
    result = cli("recommend", made, "--out", out, option, tmp_path / "some")
    assert result.exit_code == 3
    assert message in result.stderr
    assert out.read_text() == "old"


@pytest.mark.parametrize("text", ["", "user,item\n"])
@pytest.mark.parametrize("option", ["--users", "--items", "--pairs", "--history"])
def test_an_empty_output_can_be_allowed(cli, made, tmp_path, option, text) -> None:
    (tmp_path / "some").write_text(text)
    out = tmp_path / "r.csv"
    result = cli("recommend", made, "--out", out, option, tmp_path / "some", "--allow-empty")
    assert result.exit_code == 0, result.stderr
    assert len(out.read_text().splitlines()) == 1


def test_users_have_their_lists_where_an_empty_history_is_allowed(cli, made, tmp_path) -> None:
    (tmp_path / "users").write_text("10\n11\n")
    (tmp_path / "new.csv").write_text("user,item\n")
    plain = ("recommend", made, "--out", "-", "--k", "3", "--users", tmp_path / "users")
    result = cli(*plain, "--history", tmp_path / "new.csv", "--allow-empty")
    assert result.exit_code == 0, result.stderr
    assert "holds no rows, so nobody is folded in" in result.stderr
    assert result.stdout == cli(*plain).stdout


@pytest.mark.parametrize(
    ("option", "text", "rows"),
    [("--users", "1\n2\n", 20), ("--pairs", "user,item\n1,1\n2,2\n", 2)],
)
def test_a_list_of_newcomers_only_can_be_allowed(cli, made, tmp_path, option, text, rows) -> None:
    (tmp_path / "some").write_text(text)
    asked = ("recommend", made, "--out", "-", option, tmp_path / "some")
    assert "--allow-empty goes on" in cli(*asked).stderr
    result = cli(*asked, "--allow-empty")
    assert result.exit_code == 0, result.stderr
    assert len(result.stdout.splitlines()) == rows + 1
    assert "W-cold" in result.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10\nNULL\n12\n", "1 row has no user (the first is 'NULL', line 2): left out"),
        ("10\n\n12\n\\N\n\\N\n", "2 rows have no user (the first is '\\\\N', line 4)"),
        ("who\n10\nnan\n12\n", "1 row has no user (the first is 'nan', line 3)"),
        ("n;user_id\n1;10\n2; \n3;12\n4;None\n", "2 rows have no user (the first is '', line 3)"),
    ],
)
def test_a_missing_id_of_a_list_is_left_out_and_said(cli, made, tmp_path, text, message) -> None:
    (tmp_path / "users").write_text(text)
    result = cli("recommend", made, "--out", "-", "--k", "1", "--users", tmp_path / "users")
    assert result.exit_code == 0, result.stderr
    assert [line.partition(",")[0] for line in result.stdout.splitlines()[1:]] == ["10", "12"]
    assert message in result.stderr
    assert "[W-ids]" in result.stderr


def test_among_ids_of_text_somebody_may_be_called_none(cli, tmp_path) -> None:
    users = np.array(["NULL", "ann", "none"])
    train = from_mask(np.ones((3, 2), bool), np.ones(6), Catalog(users, np.arange(2)))
    write_model(tmp_path / "m.pt", train)
    asked = ("--include-seen", "--k", "1", "--users", "-", "--out", "-")
    result = cli("recommend", tmp_path / "m.pt", *asked, input="none\nNULL\nnan\n#N/A\n")
    found = [row[0] for row in csv.reader(io.StringIO(result.stdout, newline=""))]
    assert found[1:] == ["NULL", "none", "nan"]
    assert "1 row has no user (the first is '#N/A', line 4)" in result.stderr


def test_a_missing_id_of_a_parquet_list_is_left_out_and_said(cli, made, tmp_path) -> None:
    pq.write_table(pa.table({"item_id": [100.0, None, 101.0]}), tmp_path / "ban")
    options = ("--k", "40", "--exclude-items", tmp_path / "ban")
    result = cli("recommend", made, "--out", "-", *options)
    assert result.exit_code == 0, result.stderr
    assert not items_of(result.stdout) & {"100", "101"}
    assert "1 row has no item (the first is '', row 2): left out" in result.stderr


@pytest.mark.parametrize("text", ["", "user,item\n"])
@pytest.mark.parametrize("option", ["--exclude-items", "--exclude"])
def test_an_empty_exclusion_is_fine_and_said(cli, made, tmp_path, option, text) -> None:
    (tmp_path / "some").write_text(text)
    out = tmp_path / "r.csv"
    result = cli("recommend", made, "--out", out, option, tmp_path / "some")
    assert result.exit_code == 0, result.stderr
    assert "so none is left out" in result.stderr


def test_ids_of_an_old_model_that_hold_blanks_are_found_without(cli, tmp_path) -> None:
    users = np.array(["U1      ", "U2      ", "U2", "U3"])
    train = from_mask(np.ones((4, 2), bool), np.ones(8), Catalog(users, np.arange(2)))
    write_model(tmp_path / "m.pt", train)
    asked = ("--include-seen", "--k", "1", "--unknown-users", "error", "--users", "-")
    result = cli("recommend", tmp_path / "m.pt", "--out", "-", *asked, input="U1\nU2\nU3\n")
    assert result.exit_code == 0, result.stderr
    found = [row[0] for row in csv.reader(io.StringIO(result.stdout, newline=""))]
    assert found[1:] == ["U1      ", "U2", "U3"]


def test_pairs_may_be_padded(cli, made) -> None:
    bare = cli("recommend", made, "--out", "-", "--pairs", "-", input="user,item\n10,100\n")
    padded = cli("recommend", made, "--out", "-", "--pairs", "-", input="user;item\n10 ; 100\n")
    assert bare.exit_code == 0, bare.stderr
    assert padded.stdout == bare.stdout


def test_what_a_newer_matrix_of_text_ids_holds_is_seen(cli, made, tmp_path) -> None:
    users, items = np.array(["10", "odd"]), np.array([100, 101])
    newer = from_mask(np.ones((2, 2), bool), np.ones(4), Catalog(users, items))
    save_interactions(tmp_path / "newer.npz", newer.with_meta({"schema": 1}))
    (tmp_path / "users").write_text("10\n")
    asked = ("--out", "-", "--k", "40", "--users", tmp_path / "users")
    result = cli("recommend", made, *asked, "--seen", tmp_path / "newer.npz")
    assert result.exit_code == 0, result.stderr
    assert not items_of(result.stdout) & {"100", "101"}
    assert "its user ids are text, those of the model are integers ('odd' is text)" in result.stderr
    assert "1 of 2 is known" in result.stderr
    assert result.stderr.count("[W-id-type]") == 1


def test_the_gate_of_churn_matches_ids_of_another_type(cli, made, tmp_path) -> None:
    out = tmp_path / "r.parquet"
    asked = ("recommend", made, "--out", out, "--max-churn", "0", "--k", "3")
    assert cli(*asked).exit_code == 0
    table = pq.read_table(out)
    text = table.set_column(0, "user_id", table["user_id"].cast(pa.string()))
    pq.write_table(text, out)
    result = cli(*asked)
    assert result.exit_code == 0, result.stderr
    assert "its user ids are text, the new ones are integers" in result.stderr
    assert result.stderr.count("[W-id-type]") == 1
    assert "[W-id-type]" not in cli(*asked).stderr


blanks = st.text(st.sampled_from(BLANKS), max_size=3)
names = st.text(st.sampled_from("ab1"), min_size=1, max_size=3)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(blanks, names, blanks), min_size=1, max_size=8))
def test_blanks_change_no_match(padded: list[tuple[str, str, str]]) -> None:
    """An id is found by itself with any blanks around it, in both ways of matching."""
    known = np.array(sorted({name for _, name, _ in padded}))
    ids = np.array(["".join(parts) for parts in padded])
    expected = [known.tolist().index(name) for _, name, _ in padded]
    assert IdIndex(known).rows(ids).tolist() == expected
    assert encode(ids, known)[0].tolist() == expected
