"""The generations that are there: what stays, what goes, back to an earlier one, and forgetting."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mfcli.artifacts import load_interactions
from mfcli.artifacts.checkpoint import load_checkpoint
from mfcli.artifacts.tables.reading import read_columns
from mfcli.config import TableFormat
from mfcli.config.nightly import Keep, night_configs
from mfcli.errors import InputError, LockedError, UsageError
from mfcli.nights.generations import Generation, all_generations, read_generation
from mfcli.nights.keeping import beyond
from mfcli.nights.status import read_status
from mfcli.stages.generations import forget_users, list_generations, roll_back
from tests.nights.shops import QUICK, Shop, clicks, digests


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def nights(shop: Shop, number: int) -> list[str]:
    return [str(shop.night(clicks(day)).generation) for day in range(1, number + 1)]


def names(shop: Shop) -> list[str]:
    return [it.name for it in all_generations(shop.place)]


class TestKeep:
    def test_the_newest_stay(self, shop: Shop) -> None:
        shop.nightly = "keep = 2"
        made = nights(shop, 4)
        assert names(shop) == made[2:]
        assert not shop.place.trash.exists()

    def test_the_one_before_stays_though_one_is_to_be_kept(self, shop: Shop) -> None:
        shop.nightly = "keep = 1"
        made = nights(shop, 3)
        assert names(shop) == made[1:]

    def test_what_a_reader_has_locked_stays(self, shop: Shop) -> None:
        shop.nightly = "keep = 2"
        made = nights(shop, 2)
        manifest = shop.place.generation(made[0]) / "manifest.json"
        with manifest.open() as stream:
            fcntl.flock(stream, fcntl.LOCK_SH)
            assert shop.night(clicks(3)).in_use == [made[0]]
            assert made[0] in names(shop)
        assert shop.night(clicks(4)).removed[0] == made[0]
        assert made[0] not in names(shop)

    @pytest.mark.parametrize("how", ["file", "folder"])
    def test_what_another_process_has_open_stays(self, shop: Shop, how: str) -> None:
        shop.nightly = "keep = 2"
        made = nights(shop, 2)
        with reader(shop.place.generation(made[0]), how):
            assert shop.night(clicks(3)).in_use == [made[0]]
        assert shop.night(clicks(4)).removed[0] == made[0]

    def test_the_current_one_stays_after_a_rollback(self, shop: Shop) -> None:
        made = nights(shop, 3)
        roll_back(night_configs(shop.file()), made[0])
        shop.nightly = "keep = 1"
        shop.more = QUICK + "[nightly.gates]\nrows-a-user = false\n"
        result = shop.night(clicks(4))
        # A reader may be at what was current until now, which is not the newest of the others.
        assert names(shop) == [made[0], result.generation]
        assert roll_back(night_configs(shop.file()), "previous").current == made[0]

    @pytest.mark.parametrize(
        ("keep", "current", "gone"),
        [
            (Keep(2, None), "d", ["a", "b"]),
            (Keep(1, None), "d", ["a", "b"]),  # c was current until d came
            (Keep(9, None), "d", []),
            (Keep(1, None), "b", ["c"]),
            (Keep(None, 25.0), "d", ["a"]),
            (Keep(None, 0.0), "d", ["a", "b"]),
            (Keep(1, None), None, ["a", "b", "c"]),
        ],
    )
    def test_which_are_beyond(self, keep: Keep, current: str | None, gone: list[str]) -> None:
        there = [
            Generation(
                name=name,
                folder=Path(name),
                document={"number": at, "last": last, "times": {"published": 10.0 * at}},
            )
            for at, (name, last) in enumerate(zip("abcd", [None, *"abc"], strict=True), 1)
        ]
        assert [it.name for it in beyond(there, current, keep, 40.0)] == gone


@contextmanager
def reader(folder: Path, how: str) -> Iterator[None]:
    """Have another process hold a generation: a file of it open, or it as its folder."""
    text = "import sys, time; f = open(sys.argv[1]) if sys.argv[1] else None; print(1, flush=True)"
    argument = str(folder / "model.history.csv") if how == "file" else ""
    process = subprocess.Popen(
        [sys.executable, "-c", f"{text}; time.sleep(60)", argument],
        stdout=subprocess.PIPE,
        cwd=folder if how == "folder" else None,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


class TestRollback:
    @pytest.mark.parametrize("by_name", [False, True])
    def test_an_earlier_generation_is_current_again_to_the_byte(
        self, shop: Shop, by_name: bool
    ) -> None:
        first = shop.night(clicks(1)).generation
        before = digests(shop.place.current.resolve())
        second = shop.night(clicks(2)).generation
        result = roll_back(night_configs(shop.file()), str(first) if by_name else "previous")
        assert (result.before, result.current, shop.current) == (second, first, first)
        assert digests(shop.place.current.resolve()) == before
        assert read_status(shop.place)["status"] == "rolled back"

    def test_the_night_that_was_left_does_not_come_back_by_itself(self, shop: Shop) -> None:
        first, second = nights(shop, 2)
        roll_back(night_configs(shop.file()), "previous")
        again = shop.night()
        assert again.status == "unchanged"
        assert f"--rollback {second} publishes it" in again.reason
        assert shop.current == first

    def test_the_next_night_is_held_against_what_is_current(self, shop: Shop) -> None:
        first, _ = nights(shop, 2)
        roll_back(night_configs(shop.file()), "previous")
        shop.night(clicks(3))
        assert read_generation(shop.place.current.resolve()).document["last"] == first

    def test_a_dry_run_changes_nothing(self, shop: Shop) -> None:
        made = nights(shop, 2)
        result = roll_back(night_configs(shop.file()), "previous", dry_run=True)
        assert (result.current, shop.current) == (made[0], made[1])

    @pytest.mark.parametrize("asked", ["previous", "20200101T000000Z", "../x"])
    def test_what_is_not_there_is_refused(self, shop: Shop, asked: str) -> None:
        nights(shop, 1)
        with pytest.raises(UsageError, match="there is no"):
            roll_back(night_configs(shop.file()), asked)

    def test_a_damaged_generation_does_not_become_current(self, shop: Shop) -> None:
        made = nights(shop, 2)
        with (shop.place.generation(made[0]) / "model.pt").open("ab") as stream:
            stream.write(b"x")
        with pytest.raises(InputError, match=r"is not what manifest\.json says"):
            roll_back(night_configs(shop.file()), "previous")
        assert shop.current == made[1]

    def test_before_the_first_night_there_is_nothing(self, shop: Shop) -> None:
        with pytest.raises(InputError, match="holds no generation yet"):
            roll_back(night_configs(shop.file()), "previous")
        assert not shop.place.folder.exists()


def test_a_list_says_what_there_is(shop: Shop) -> None:
    made = nights(shop, 2)
    found = list_generations(night_configs(shop.file()))
    assert [it["name"] for it in found.generations] == made
    assert [it["current"] for it in found.generations] == [False, True]
    assert [it["rows"] for it in found.generations] == [len(clicks(1)), len(clicks(2))]
    assert found.latest["status"] == "published"


class TestForget:
    @pytest.mark.parametrize("format", [*TableFormat, "parts"])
    def test_the_users_are_in_no_file_of_any_generation(self, shop: Shop, format: str) -> None:
        shop.nightly = "parts = true" if format == "parts" else f'format = "{format}"'
        shop.more = '[train]\nmode = "hogwild"\nepochs = 1\nfactors = 2\nworkers = 1\n'
        made = nights(shop, 2)
        before = {name: lists_of(shop, name) for name in made}
        old = {name: load_checkpoint(shop.place.generation(name) / "model.pt") for name in made}
        (shop.home / "gone.txt").write_text("3\n17\n")
        result = forget_users(night_configs(shop.file()), str(shop.home / "gone.txt"))
        assert [it["users"] for it in result.forgotten] == [2, 2]
        for name in made:
            generation = read_generation(shop.place.generation(name))
            assert generation.problem() is None
            assert generation.document["forgotten"] == 2
            rows = load_interactions(generation.folder / "interactions.npz")
            model = load_checkpoint(generation.folder / "model.pt")
            assert not {3, 17} & set(rows.catalog.user_ids.tolist())
            assert rows.catalog.same_ids(model.catalog)
            assert rows.n_ratings == model.seen_indptr[-1] == generation.figures.rows
            kept = ~np.isin(old[name].catalog.user_ids, [3, 17])
            for weight, values in model.weights.items():
                was = old[name].weights[weight]
                assert np.array_equal(values, was[kept] if weight.startswith("user_") else was)
            left = [row for row in before[name] if str(row["user_id"]) not in ("3", "17")]
            assert lists_of(shop, name) == left
        assert shop.current == made[-1]
        roll_back(night_configs(shop.file()), "previous")
        assert forget_users(night_configs(shop.file()), str(shop.home / "gone.txt")).forgotten == []

    def test_a_night_goes_on_from_what_is_left(self, shop: Shop) -> None:
        nights(shop, 2)
        (shop.home / "gone.txt").write_text("3\n")
        forget_users(night_configs(shop.file()), str(shop.home / "gone.txt"))
        left = [row for row in clicks(3) if row[0] != 3]
        result = shop.night(left)
        assert result.status == "published"
        assert result.counted["users_kept"] == 1.0

    def test_a_cut_off_night_is_given_up(self, shop: Shop) -> None:
        nights(shop, 1)
        shop.night(clicks(2), dry_run=True)
        (shop.home / "gone.txt").write_text("3\n")
        forget_users(night_configs(shop.file()), str(shop.home / "gone.txt"))
        assert not shop.place.staging.exists()

    def test_a_reader_is_waited_for(self, shop: Shop) -> None:
        made = nights(shop, 1)
        (shop.home / "gone.txt").write_text("3\n")
        before = digests(shop.place.generations)
        with (shop.place.generation(made[0]) / "manifest.json").open() as stream:
            fcntl.flock(stream, fcntl.LOCK_SH)
            began = time.monotonic()
            with pytest.raises(LockedError, match="a reader holds it"):
                forget_users(night_configs(shop.file(), wait=0.2), str(shop.home / "gone.txt"))
            assert time.monotonic() - began >= 0.2
        assert digests(shop.place.generations) == before
        assert forget_users(night_configs(shop.file()), str(shop.home / "gone.txt")).forgotten

    @pytest.mark.parametrize(
        ("content", "message"), [("", "names no user"), (None, "no such file")]
    )
    def test_a_file_that_names_nobody_is_refused(
        self, shop: Shop, content: str | None, message: str
    ) -> None:
        nights(shop, 1)
        if content is not None:
            (shop.home / "gone.txt").write_text(content)
        with pytest.raises(InputError, match=message):
            forget_users(night_configs(shop.file()), str(shop.home / "gone.txt"))

    def test_a_generation_is_not_emptied(self, shop: Shop) -> None:
        nights(shop, 1)
        before = digests(shop.place.generations)
        (shop.home / "gone.txt").write_text("".join(f"{user}\n" for user in range(40)))
        with pytest.raises(InputError, match="would be without a user"):
            forget_users(night_configs(shop.file()), str(shop.home / "gone.txt"))
        assert digests(shop.place.generations) == before


def lists_of(shop: Shop, name: str) -> list[dict[str, Any]]:
    folder = shop.place.generation(name)
    (path,) = folder.glob("recommendations*")
    files = [path]
    if path.is_dir():
        parts = json.loads((path / "_manifest.json").read_text())["parts"]
        files = [path / entry["name"] for entry in parts]
    return [row for file in files for row in read_columns(file, None)[1].to_pylist()]


def test_current_that_is_no_link_is_refused(shop: Shop) -> None:
    os.makedirs(shop.place.current)
    with pytest.raises(UsageError, match="is no link to a generation"):
        shop.night(clicks(1))
