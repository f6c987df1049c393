"""fetch --min-rows and --max-drop, recommend --max-drop: what shrank too much stays unpublished."""

from __future__ import annotations

from pathlib import Path

import pytest

import mfcli
from mfcli.errors import UsageError
from tests.conftest import Cli
from tests.helpers import interactions
from tests.models_on_disk import write_model

ROWS = [f"{user},{item}" for user in range(10) for item in range(user % 3 + 1)]  # 19: 10 users


def table(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(["user,item", *rows]) + "\n")
    return path


@pytest.fixture
def fetched(cli: Cli, tmp_path: Path) -> Path:
    out = tmp_path / "clicks.npz"
    assert cli("fetch", table(tmp_path / "a.csv", ROWS), "--out", out).exit_code == 0
    return out


def of_users(number: int) -> list[str]:
    return [row for row in ROWS if int(row.split(",")[0]) < number]


@pytest.mark.parametrize(
    ("users", "options", "refusal"),
    [
        (9, ["--max-drop", "users=0.1"], None),
        (
            8,
            ["--max-drop", "users=0.1"],
            "8 users, {} has 10: a fall by 20 %, --max-drop users=0.1",
        ),
        (8, ["--max-drop", "users=0.3", "--max-drop", "rows=0.1"], "15 rows, {} has 19"),
        (8, ["--max-drop", "items=0"], None),
        (1, ["--max-drop", "items=0"], "1 item, {} has 3: a fall by 66.67 %"),
        (10, ["--min-rows", "19"], None),
        (10, ["--min-rows", "20"], "19 rows are left, --min-rows asks for 20"),
        (1, [], None),
    ],
)
def test_fetch_refuses_what_shrank_and_leaves_the_old_file(
    cli: Cli, fetched: Path, tmp_path: Path, users: int, options: list[str], refusal: str | None
) -> None:
    before = fetched.read_bytes()
    source = table(tmp_path / "b.csv", of_users(users))
    result = cli("fetch", source, "--out", fetched, *options)
    assert result.exit_code == (0 if refusal is None else 6), result.stderr
    if refusal is not None:
        assert refusal.format(fetched) in result.stderr
        assert fetched.read_bytes() == before


def test_fetch_compares_with_a_file_that_is_named(cli: Cli, fetched: Path, tmp_path: Path) -> None:
    source, out = table(tmp_path / "b.csv", of_users(5)), tmp_path / "new.npz"
    drop = ("--max-drop", "users=0.1")
    refused = cli("fetch", source, "--out", out, *drop, "--against", fetched)
    assert refused.exit_code == 6
    assert not out.exists()
    first = cli("fetch", source, "--out", out, *drop)
    assert first.exit_code == 0
    assert "there is no earlier file to compare with, so it passes" in first.stderr
    missing = cli("fetch", source, "--out", out, *drop, "--against", tmp_path / "none.npz")
    assert missing.exit_code == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-drop", "user=0.1"], "did you mean 'users'"),
        (["--max-drop", "users"], "should look like users=0.1"),
        (["--against", "old.npz"], "--against has no meaning without"),
    ],
)
@pytest.mark.parametrize("command", ["fetch", "recommend"])
def test_gates_that_mean_nothing_are_refused_before_anything_is_read(
    cli: Cli, tmp_path: Path, command: str, options: list[str], message: str
) -> None:
    result = cli(command, tmp_path / "none", "--out", tmp_path / "out.csv", *options)
    assert result.exit_code == 2
    assert message in result.stderr


def test_reading_into_memory_replaces_nothing() -> None:
    with pytest.raises(UsageError, match="min_rows: has no meaning here"):
        mfcli.read("demo", min_rows=3)  # type: ignore[call-arg]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.pt"
    write_model(path, interactions(20, 15, 0.3, seed=3))
    return path


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize(
    ("users", "options", "refusal"),
    [
        (18, ["--max-drop", "users=0.1"], None),
        (17, ["--max-drop", "users=0.1"], "17 users, {} has 20: a fall by 15 %"),
        (10, ["--max-drop", "rows=0.4"], "rows, {} has "),
        (10, ["--max-drop", "users=0.5"], None),
    ],
)
def test_recommend_refuses_lists_that_shrank(
    cli: Cli,
    model: Path,
    tmp_path: Path,
    folder: bool,
    users: int,
    options: list[str],
    refusal: str | None,
) -> None:
    out = f"{tmp_path}/recs/" if folder else f"{tmp_path}/recs.csv"
    plain = ("recommend", model, "--out", out, "--k", "3")
    first = cli(*plain, *options)
    assert first.exit_code == 0
    assert "no earlier output to compare with" in first.stderr
    ids = tmp_path / "users.txt"
    ids.write_text("".join(f"{user + 10}\n" for user in range(users)))
    files = {path: path.read_bytes() for path in Path(out).rglob("*") if path.is_file()}
    result = cli(*plain, "--users", ids, *options)
    assert result.exit_code == (0 if refusal is None else 6), result.stderr
    if refusal is not None:
        assert refusal.format(Path(out)) in result.stderr
        assert files == {path: path.read_bytes() for path in files}


def test_recommend_compares_with_a_file_that_is_named(
    cli: Cli, model: Path, tmp_path: Path
) -> None:
    last = tmp_path / "last.parquet"
    assert cli("recommend", model, "--out", last, "--k", "3").exit_code == 0
    ids = tmp_path / "users.txt"
    ids.write_text("10\n11\n")
    asked = ("recommend", model, "--out", tmp_path / "new.csv", "--users", ids, "--max-drop")
    assert cli(*asked, "users=0.5", "--against", last).exit_code == 6
    assert not (tmp_path / "new.csv").exists()
    assert cli(*asked, "users=0.9", "--against", last, "--max-churn", "0.99").exit_code == 0
    assert cli(*asked, "users=0.9", "--against", tmp_path / "none.csv").exit_code == 3
    assert cli(*asked, "users=0.9", "--against", tmp_path).exit_code == 3


@pytest.mark.parametrize("content", ["", "\n\n", "user_id\n"])
def test_an_empty_file_of_users_does_not_empty_the_lists(
    cli: Cli, model: Path, tmp_path: Path, content: str
) -> None:
    """Where --allow-empty is asked for, --max-drop still holds."""
    out, ids = tmp_path / "recs.csv", tmp_path / "users.txt"
    ids.write_text(content)
    assert cli("recommend", model, "--out", out).exit_code == 0
    before = out.read_bytes()
    asked = ("recommend", model, "--out", out, "--users", ids)
    assert cli(*asked).exit_code == 3
    refused = cli(*asked, "--allow-empty", "--max-drop", "users=0.1", "--unknown-users", "skip")
    assert refused.exit_code == 6, refused.stderr
    assert "0 users" in refused.stderr
    assert out.read_bytes() == before
