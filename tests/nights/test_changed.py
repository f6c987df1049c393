"""Whose lists a store has to update: after a night, after a rollback, after nights it missed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mfcli.artifacts.tables.reading import read_columns
from mfcli.config.nightly import night_configs
from mfcli.errors import GateError, UsageError
from mfcli.nights.generations import read_generation
from mfcli.nights.places import Place
from mfcli.stages.generations import changes_since, forget_users, roll_back
from tests.conftest import Cli
from tests.nights.shops import QUICK, Shop, clicks

Lists = dict[str, list[str]]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path, nightly="changes = true")


def lists_of(folder: Path) -> Lists:
    """Return the list of each user of a generation."""
    (path,) = folder.glob("recommendations*")
    files = sorted(path.glob("part*")) if path.is_dir() else [path]
    found: Lists = {}
    for file in files:
        table = read_columns(file, ("user_id", "item_id"))[1].to_pydict()
        for user, item in zip(table["user_id"], table["item_id"], strict=True):
            found.setdefault(user, []).append(item)
    return found


def written(path: Path) -> dict[str, str]:
    """Return what became of whose list, as a file says."""
    table = read_columns(path, ("user_id", "change"))[1].to_pydict()
    return dict(zip(table["user_id"], table["change"], strict=True))


def naive(before: Lists, after: Lists) -> dict[str, str]:
    found = {}
    for user in {**after, **before}:
        if before.get(user) != after.get(user):
            kinds = {(False, True): "added", (True, False): "dropped", (True, True): "changed"}
            found[user] = kinds[user in before, user in after]
    return found


def leaving_and_new(day: int) -> list[tuple[int, int, float, int]]:
    """Draw a day on which two users are gone and one is new."""
    rows = [row for row in clicks(day) if row[0] not in (3, 4)]
    return [*rows, (99, 5, 4.0, rows[-1][3]), (99, 6, 4.0, rows[-1][3])]


@pytest.mark.parametrize(
    "form", ["", "format = 'parquet'", "format = 'csv.gz'", "format = 'jsonl'", "parts = true"]
)
def test_a_generation_has_what_changed_since_the_last_one(shop: Shop, form: str) -> None:
    shop.nightly += f"\n{form}"
    first = shop.place.generation(str(shop.night(clicks(1)).generation))
    (path,) = first.glob("changes.*")
    assert set(written(path).values()) == {"added"}
    assert len(written(path)) == 40
    result = shop.night(leaving_and_new(4))
    (path,) = (shop.place.current).glob("changes.*")
    expected = naive(lists_of(first), lists_of(shop.place.current))
    assert {"added", "dropped", "changed"} == set(expected.values())
    assert written(path) == expected
    for change in ("added", "dropped", "changed"):
        count = sum(found == change for found in expected.values())
        assert result.counted[f"lists_{change}"] == count
    assert path.name in read_generation(shop.place.current.resolve()).files


def test_a_refused_night_is_none_that_lists_are_compared_with(shop: Shop) -> None:
    shop.night(clicks(1))
    first = lists_of(shop.place.current)
    with pytest.raises(GateError):
        shop.night(clicks(2)[:50])
    shop.night(clicks(3))
    assert written(shop.place.current / "changes.csv") == naive(first, lists_of(shop.place.current))


def test_a_rollback_says_what_a_store_must_update(shop: Shop, tmp_path: Path) -> None:
    for rows in (clicks(1), leaving_and_new(4)):
        shop.night(rows)
    newer, out = lists_of(shop.place.current), tmp_path / "back.csv"
    configs = night_configs(shop.file())
    tried = roll_back(configs, "previous", changes=out, dry_run=True)
    assert not out.exists()
    done = roll_back(configs, "previous", changes=out)
    expected = naive(newer, lists_of(shop.place.current))
    assert written(out) == expected
    assert tried.changes == done.changes
    assert done.changes is not None
    assert sum(done.changes.values()) == len(expected)
    older = lists_of(shop.place.current)
    shop.night(clicks(5))  # held against what is current, not against what was left
    assert written(shop.place.current / "changes.csv") == naive(older, lists_of(shop.place.current))


def test_a_store_that_missed_nights_asks_since_when(shop: Shop, cli: Cli, tmp_path: Path) -> None:
    shop.nightly = ""
    names = [str(shop.night(rows).generation) for rows in (clicks(1), clicks(2), clicks(4))]
    out = tmp_path / "missed.parquet"
    done = cli("nightly", shop.file(), "--since", names[0], "--changes", out, "--json")
    assert done.exit_code == 0, done.stderr
    before, after = (lists_of(shop.place.generation(name)) for name in (names[0], names[2]))
    expected = naive(before, after)
    assert written(out) == expected
    document = json.loads(done.stdout)
    assert (document["since"], document["current"]) == (names[0], names[2])
    assert sum(document["changes"].values()) == len(expected)
    with shop.place.locked():  # a night is at work
        changes_since(night_configs(shop.file()), "previous", out)
    assert written(out) == naive(lists_of(shop.place.generation(names[1])), after)


def test_who_is_forgotten_is_in_no_table_of_changes(shop: Shop, tmp_path: Path) -> None:
    for rows in (clicks(1), leaving_and_new(4)):
        shop.night(rows)
    (tmp_path / "gone.txt").write_text("3\n8\n")
    forget_users(night_configs(shop.file()), str(tmp_path / "gone.txt"))
    for folder in shop.place.generations.iterdir():
        generation = read_generation(folder)
        assert generation.problem() is None
        found = written(folder / "changes.csv")
        assert not {"3", "8"} & set(found)
        for change in ("added", "dropped", "changed"):
            assert getattr(generation.figures, f"lists_{change}") == [*found.values()].count(change)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--changes", "c.csv"], "--changes needs --since or --rollback"),
        (["--since", "previous"], "--since needs --changes"),
        (["--since", "x", "--rollback", "y", "--changes", "c.csv"], "are two things"),
        (["--since", "x", "--changes", "c.csv"], "there is no such generation"),
        (["--rollback", "previous", "--changes", "c.xlsx"], "ending of no format"),
        (["--since", "previous", "--changes", "shop/current/c.csv"], "lies in a generation"),
    ],
)
def test_changes_between_what_is_not_there_are_refused(
    shop: Shop, cli: Cli, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    for day in (1, 2):
        shop.night(clicks(day))
    before = shop.current
    monkeypatch.chdir(shop.home)
    done = cli("nightly", shop.file(), *words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert (shop.current, Place(shop.home / "shop").current_name()) == (before, before)


def test_a_night_has_no_file_of_recommends_own(shop: Shop) -> None:
    for line in ("changes = 'c.csv'", "against = 'old.csv'\nchanges = 'c.csv'"):
        shop.more = QUICK + f"{line}\n"
        with pytest.raises(UsageError, match="in a night"):
            night_configs(shop.file())
