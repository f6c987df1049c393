"""split, on files: what it writes, what it refuses, and what it leaves alone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mfcli.artifacts import (
    file_sha256,
    load_interactions,
    meta_for,
    output_lock,
    save_interactions,
    splits,
)
from mfcli.config import SplitConfig
from mfcli.data.held_out import check_held_out
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError, LockedError, UsageError
from mfcli.events import Noted
from mfcli.results import SplitResult
from mfcli.stages import split as stage
from mfcli.stages.inspect import inspect
from mfcli.stages.split import split
from tests.helpers import entries, equal, from_triples, interactions, pairs

PARTS = ("train", "test", "valid")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Write a matrix of 30 × 20 with times and explicit zeros."""
    path = tmp_path / "data.npz"
    matrix = interactions(30, 20, 0.5, 1, times=True)
    save_interactions(path, matrix.with_meta(meta_for("interactions", [{"stage": "fetch"}])))
    return path


def run(source: Path | None, out: Path, **options: Any) -> SplitResult:
    return split(source, out, SplitConfig.merge(("", options)))


def read(folder: Path) -> dict[str, Interactions]:
    """Read the parts of a folder that are there."""
    found = {name: folder / f"{name}.npz" for name in PARTS}
    return {name: load_interactions(path) for name, path in found.items() if path.exists()}


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder, but for locks."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def write(path: Path, *rows: str) -> str:
    path.write_text("".join(f"{row}\n" for row in rows), "utf-8")
    return str(path)


class TestOneMatrix:
    @pytest.mark.parametrize(
        "options",
        [
            {"n": 3},
            {"strategy": "fraction"},
            {"strategy": "fraction", "per_user": True},
            {"strategy": "latest", "n": 2},
            {"strategy": "latest", "cutoff": "30"},
        ],
    )
    @pytest.mark.parametrize("valid", [False, True])
    def test_the_parts_are_the_input_in_its_shape(
        self, source: Path, tmp_path: Path, options: dict[str, Any], valid: bool
    ) -> None:
        run(source, tmp_path / "out", valid=valid, **options)
        parts, whole = read(tmp_path / "out"), load_interactions(source)
        assert list(parts) == [name for name in PARTS if valid or name != "valid"]
        together = sorted(entry for part in parts.values() for entry in entries(part))
        assert together == entries(whole)
        assert all(part.catalog.same_ids(whole.catalog) for part in parts.values())
        assert sum(int((part.data == 0).sum()) for part in parts.values()) == int(
            (whole.data == 0).sum()
        )

    def test_the_parts_carry_one_split_id_and_where_they_come_from(
        self, source: Path, tmp_path: Path
    ) -> None:
        result = run(source, tmp_path / "out", n=3, valid=True)
        metas = {name: part.meta for name, part in read(tmp_path / "out").items()}
        assert {meta["split_id"] for meta in metas.values()} == {result.split_id}
        assert {name: meta["part"] for name, meta in metas.items()} == {n: n for n in PARTS}
        first, last = metas["train"]["lineage"]
        assert first == {"stage": "fetch"}
        assert last["stage"] == "split"
        assert last["inputs"] == [{"sha256": file_sha256(source)}]
        assert last["options"]["n"] == 3
        assert last["options"]["strategy"] == "leave-n-out"

    @pytest.mark.parametrize("other", [{"seed": 1}, {"n": 4}, {"strategy": "latest"}])
    def test_another_split_has_another_id(
        self, source: Path, tmp_path: Path, other: dict[str, Any]
    ) -> None:
        first = run(source, tmp_path / "a", n=3)
        assert run(source, tmp_path / "b", **{"n": 3, **other}).split_id != first.split_id

    def test_the_same_split_is_the_same_bytes_in_another_folder(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run(source, tmp_path / "a", n=3, valid=True)
        (tmp_path / "elsewhere").mkdir()
        os.link(source, tmp_path / "elsewhere" / "renamed.npz")
        monkeypatch.chdir(tmp_path / "elsewhere")
        run(Path("renamed.npz"), Path("b"), n=3, valid=True)
        assert files(tmp_path / "a") == files(tmp_path / "elsewhere" / "b")

    def test_the_result_counts_what_was_written(self, source: Path, tmp_path: Path) -> None:
        result = run(source, tmp_path / "out", n=3)
        assert (result.n_users, result.n_items, result.strategy) == (30, 20, "leave-n-out")
        parts = read(tmp_path / "out")
        for entry in result.parts:
            part = parts[Path(entry.path).stem]
            assert entry.n_ratings == part.n_ratings
            assert entry.n_users == int((part.user_counts > 0).sum())
            assert entry.n_items == int((part.item_counts > 0).sum())
        assert json.dumps(result.document())

    def test_train_takes_the_parts_of_one_split_and_no_other(
        self, source: Path, tmp_path: Path
    ) -> None:
        run(source, tmp_path / "a", n=3)
        run(source, tmp_path / "b", n=3, seed=1)
        train = load_interactions(tmp_path / "a" / "train.npz")

        def check(path: Path) -> None:
            check_held_out(
                load_interactions(path),
                path,
                train.meta,
                train.catalog,
                train.rows,
                tmp_path / "a" / "train.npz",
            )

        check(tmp_path / "a" / "test.npz")
        with pytest.raises(InputError, match="belongs to another split than"):
            check(tmp_path / "b" / "test.npz")
        with pytest.raises(InputError, match="ratings are in the training data"):
            check(tmp_path / "a" / "train.npz")


class TestFilters:
    def test_a_threshold_makes_ones_and_keeps_the_shape(self, source: Path, tmp_path: Path) -> None:
        run(source, tmp_path / "out", n=1, threshold=4.0)
        parts, whole = read(tmp_path / "out"), load_interactions(source)
        assert sum(part.n_ratings for part in parts.values()) == int((whole.data >= 4).sum())
        for part in parts.values():
            assert set(part.data.tolist()) == {1.0}
            assert part.catalog.same_ids(whole.catalog)

    def test_a_threshold_of_zero_keeps_explicit_zeros(self, source: Path, tmp_path: Path) -> None:
        run(source, tmp_path / "out", n=1, threshold=0.0)
        kept = sum(part.n_ratings for part in read(tmp_path / "out").values())
        assert kept == load_interactions(source).n_ratings

    def test_minimum_counts_keep_the_shape(self, source: Path, tmp_path: Path) -> None:
        run(source, tmp_path / "out", n=1, min_user_ratings=8, min_item_ratings=12)
        parts, whole = read(tmp_path / "out"), load_interactions(source)
        for counts, least in (("user_counts", 8), ("item_counts", 12)):
            total = sum(getattr(part, counts) for part in parts.values())
            assert total.max() >= least
            assert set(total[total < least].tolist()) == {0}
        assert parts["train"].catalog.same_ids(whole.catalog)

    def test_drop_unknown_drops_test_rows_without_a_row_in_train(self, tmp_path: Path) -> None:
        # Item 2 is rated by the latest row only; user 2 has late rows only.
        rows: list[tuple[int, int, float]] = [
            (0, 0, 1),
            (0, 1, 1),
            (0, 2, 1),
            (1, 0, 1),
            (1, 1, 1),
            (2, 0, 1),
        ]
        matrix = from_triples(rows, 3, 3, times=[1, 9, 9, 1, 1, 9])
        save_interactions(tmp_path / "m.npz", matrix.with_meta(meta_for("interactions", [])))
        options = {"strategy": "latest", "cutoff": "5"}
        kept = run(tmp_path / "m.npz", tmp_path / "kept", **options)
        assert [part.unknown_rows for part in kept.parts] == [0, 2]
        dropped = run(tmp_path / "m.npz", tmp_path / "dropped", drop_unknown=True, **options)
        assert [part.unknown_rows for part in dropped.parts] == [0, 0]
        assert pairs(read(tmp_path / "kept")["test"]) == {(0, 1), (0, 2), (2, 0)}
        assert pairs(read(tmp_path / "dropped")["test"]) == {(0, 1)}
        assert equal(read(tmp_path / "kept")["train"], read(tmp_path / "dropped")["train"])


class TestFolds:
    def test_each_folder_is_a_split_of_its_own(self, source: Path, tmp_path: Path) -> None:
        result = run(source, tmp_path / "out", folds=3, valid=True)
        assert result.strategy == "folds"
        assert len(result.parts) == 9
        whole = load_interactions(source)
        tests: list[tuple[int, int]] = []
        for fold in ("fold1", "fold2", "fold3"):
            parts = read(tmp_path / "out" / fold)
            assert list(parts) == list(PARTS)
            assert {part.meta["fold"] for part in parts.values()} == {fold}
            assert {part.meta["split_id"] for part in parts.values()} == {result.split_id}
            assert sorted(e for part in parts.values() for e in entries(part)) == entries(whole)
            tests += pairs(parts["test"])
        assert sorted(tests) == sorted(pairs(whole))
        assert not list((tmp_path / "out").glob("*.npz"))

    def test_folds_of_one_split_are_not_to_be_mixed(self, source: Path, tmp_path: Path) -> None:
        run(source, tmp_path / "out", folds=2)
        train = load_interactions(tmp_path / "out" / "fold1" / "train.npz")
        path = tmp_path / "out" / "fold2" / "test.npz"
        with pytest.raises(InputError, match="another split"):
            check_held_out(
                load_interactions(path),
                path,
                train.meta,
                train.catalog,
                train.rows,
                Path("train.npz"),
            )

    def test_more_folds_than_rows_are_refused(self, tmp_path: Path) -> None:
        matrix = from_triples([(0, 0, 1), (0, 1, 1)], 1, 2)
        save_interactions(tmp_path / "m.npz", matrix.with_meta(meta_for("interactions", [])))
        with pytest.raises(InputError, match="without a rating"):
            run(tmp_path / "m.npz", tmp_path / "out", folds=3)
        assert not list((tmp_path / "out").rglob("*.npz"))


class TestWindows:
    def test_folds_of_latest_are_windows_and_replace_an_earlier_split(
        self, source: Path, tmp_path: Path
    ) -> None:
        run(source, tmp_path / "out", strategy="users", test_users=5, valid_users=5)
        result = run(source, tmp_path / "out", strategy="latest", folds=3)
        assert result.strategy == "latest"
        names = [f"fold{number}/{part}.npz" for number in (1, 2, 3) for part in ("test", "train")]
        assert list(files(tmp_path / "out")) == names
        ends = [read(tmp_path / "out" / f"fold{number}")["train"] for number in (1, 2, 3)]
        assert [part.meta["fold"] for part in ends] == ["fold1", "fold2", "fold3"]
        assert ends[0].n_ratings < ends[1].n_ratings < ends[2].n_ratings
        assert {part.meta["lineage"][-1]["options"]["strategy"] for part in ends} == {"latest"}


class TestUsers:
    def test_five_files_of_one_split_and_none_of_the_one_before(
        self, source: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        run(source, out, folds=2)
        result = run(source, out, strategy="users", test_users=5, valid_users=4, fold_in=0.5)
        assert [Path(part.path).stem for part in result.parts] == list(splits.PARTS)
        parts = {name: load_interactions(out / f"{name}.npz") for name in splits.PARTS}
        assert {name: part.meta["part"] for name, part in parts.items()} == {n: n for n in parts}
        assert {part.meta["split_id"] for part in parts.values()} == {result.split_id}
        assert list(files(out)) == sorted(f"{name}.npz" for name in splits.PARTS)
        assert result.parts[2].n_users == 5
        again = run(source, tmp_path / "again", strategy="users", test_users=5)
        assert again.split_id != result.split_id
        run(source, out, strategy="users", test_users=5)
        assert files(out) == files(tmp_path / "again")

    def test_rows_of_items_that_train_lacks_are_counted_by_part(self, tmp_path: Path) -> None:
        rows = [(user, item, 1.0) for user in (0, 1) for item in (0, 1, 2, 3)] + [(2, 0, 1.0)]
        matrix = from_triples(rows, 3, 4).with_meta(meta_for("interactions", []))
        save_interactions(tmp_path / "m.npz", matrix)
        result = run(tmp_path / "m.npz", tmp_path / "out", strategy="users", test_users=2)
        assert sum(part.unknown_rows for part in result.parts) == 6

    def test_inspect_shows_the_folder(self, source: Path, tmp_path: Path) -> None:
        result = run(source, tmp_path / "out", strategy="users", test_users=5)
        found = inspect(tmp_path / "out")
        assert found.kind == "split"
        assert found.details["split_id"] == result.split_id
        assert ", 5 users, " in found.details["test.npz"]
        assert found.lineage[-1]["options"]["test_users"] == 5
        run(source, tmp_path / "other", strategy="users", test_users=6)
        os.replace(tmp_path / "other" / "test.npz", tmp_path / "out" / "test.npz")
        with pytest.raises(InputError, match="are of different splits"):
            inspect(tmp_path / "out")


class TestGiven:
    def test_ids_are_shared_by_both_files(self, tmp_path: Path) -> None:
        train = write(tmp_path / "u1.base", "5\t20\t3\t100", "3\t10\t4\t100")
        test = write(tmp_path / "u1.test", "5\t10\t1\t100", "9\t30\t2\t100")
        run(None, tmp_path / "out", train_file=train, test_file=test)
        parts = read(tmp_path / "out")
        catalog = parts["train"].catalog
        assert catalog.user_ids.tolist() == [3, 5, 9]
        assert catalog.item_ids.tolist() == [10, 20, 30]
        assert parts["test"].catalog.same_ids(catalog)
        assert entries(parts["train"]) == [(0, 0, 4.0, 100), (1, 1, 3.0, 100)]
        assert entries(parts["test"]) == [(1, 0, 1.0, 100), (2, 2, 2.0, 100)]

    def test_ids_of_two_kinds_are_shared_as_text(self, tmp_path: Path) -> None:
        train = write(tmp_path / "a.csv", "user,item,rating", "1,x,3", "2,x,4")
        test = write(tmp_path / "b.csv", "user,item,rating", "1,y,3", "new,x,4")
        run(None, tmp_path / "out", train_file=train, test_file=test)
        parts = read(tmp_path / "out")
        assert parts["train"].catalog.user_ids.tolist() == ["1", "2", "new"]
        assert pairs(parts["test"]) == {(0, 1), (2, 0)}

    def test_a_matrix_lends_its_shape(self, source: Path, tmp_path: Path) -> None:
        train = write(tmp_path / "a.csv", "user,item,rating", "12,101,3", "10,119,4")
        test = write(tmp_path / "b.csv", "user,item,rating", "39,100,3")
        run(source, tmp_path / "out", train_file=train, test_file=test)
        parts = read(tmp_path / "out")
        assert parts["train"].catalog.same_ids(load_interactions(source).catalog)
        assert pairs(parts["train"]) == {(2, 1), (0, 19)}
        assert pairs(parts["test"]) == {(29, 0)}
        lineage = parts["train"].meta["lineage"]
        assert [step["stage"] for step in lineage] == ["fetch", "split"]
        assert lineage[-1]["inputs"][0]["sha256"] == file_sha256(source)

    def test_an_id_outside_of_that_matrix_is_refused_by_file(
        self, source: Path, tmp_path: Path
    ) -> None:
        train = write(tmp_path / "a.csv", "user,item,rating", "12,101,3")
        test = write(tmp_path / "b.csv", "user,item,rating", "4711,100,3")
        with pytest.raises(InputError, match=r"b\.csv: user 4711 "):
            run(source, tmp_path / "out", train_file=train, test_file=test)

    def test_overlapping_files_are_refused(self, tmp_path: Path) -> None:
        train = write(tmp_path / "a.csv", "user,item,rating", "1,1,3", "1,2,3", "2,2,1")
        test = write(tmp_path / "b.csv", "user,item,rating", "1,2,5", "2,2,1", "2,1,1")
        with pytest.raises(
            InputError, match=r"b\.csv: 2 of its user and item pairs are in .*a\.csv"
        ):
            run(None, tmp_path / "out", train_file=train, test_file=test)
        assert not read(tmp_path / "out")

    def test_doubles_within_a_file_are_merged_and_said(self, tmp_path: Path) -> None:
        train = write(tmp_path / "a.csv", "user,item,rating", "1,1,3", "1,1,5", "2,2,1")
        test = write(tmp_path / "b.csv", "user,item,rating", "1,2,5")
        events: list[Any] = []
        config = SplitConfig(train_file=train, test_file=test)
        split(None, tmp_path / "out", config, events.append)
        assert entries(read(tmp_path / "out")["train"])[0] == (0, 0, 5.0, None)
        notes = [event.message for event in events if isinstance(event, Noted)]
        assert any("a.csv: 1 row repeats" in note for note in notes)

    def test_validation_comes_out_of_train(self, tmp_path: Path) -> None:
        rows = [f"{user},{item},3" for user in range(20) for item in range(10)]
        train = write(tmp_path / "a.csv", "user,item,rating", *rows)
        test = write(tmp_path / "b.csv", "user,item,rating", "0,99,5")
        run(None, tmp_path / "out", train_file=train, test_file=test, valid=True)
        parts = read(tmp_path / "out")
        assert parts["train"].n_ratings + parts["valid"].n_ratings == 200
        assert not pairs(parts["train"]) & pairs(parts["valid"])
        assert parts["test"].n_ratings == 1

    def test_the_names_of_the_files_change_no_byte(self, tmp_path: Path) -> None:
        """A split made again elsewhere, from copies of other names, is the same split."""
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir()
            name = tmp_path / folder / "u1"
            train = write(name.with_suffix(".base"), "5\t20\t3\t100", "3\t10\t4\t100")
            test = write(name.with_suffix(".test"), "5\t10\t1\t100")
            run(None, tmp_path / folder / "out", train_file=train, test_file=test)
        assert files(tmp_path / "one" / "out") == files(tmp_path / "two" / "out")

    def test_minimum_counts_are_of_both_files_together(self, tmp_path: Path) -> None:
        """User 1 has three ratings in all, though one only in each file's test part."""
        train = write(tmp_path / "a.csv", "user,item,rating", "1,1,3", "1,2,3", "2,2,1")
        test = write(tmp_path / "b.csv", "user,item,rating", "1,3,5", "2,3,5")
        options = {"train_file": train, "test_file": test, "min_user_ratings": 3}
        run(None, tmp_path / "out", **options)
        parts = read(tmp_path / "out")
        assert pairs(parts["train"]) == {(0, 0), (0, 1)}
        assert pairs(parts["test"]) == {(0, 2)}


class TestRefusals:
    def test_without_anything_to_split_it_says_what_it_needs(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"name the FILE\.npz"):
            run(None, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_a_file_in_the_place_of_the_folder_is_refused(
        self, source: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "out").write_bytes(b"mine")
        with pytest.raises(UsageError, match="is a file: name a folder"):
            run(source, tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == b"mine"

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ({"n": 20}, "no user has more than 20 ratings: choose a smaller --n"),
            ({"strategy": "latest", "cutoff": "0"}, "choose another --cutoff"),
            ({"strategy": "latest", "cutoff": "2100-01-01"}, "choose another --cutoff"),
            ({"threshold": 6.0}, "no rating is left to split"),
            ({"min_user_ratings": 100}, "no rating is left to split"),
            ({"strategy": "latest", "cutoff": "tomorrow"}, "neither seconds since 1970"),
        ],
    )
    def test_a_split_with_an_empty_part_is_refused(
        self, source: Path, tmp_path: Path, options: dict[str, Any], reason: str
    ) -> None:
        with pytest.raises((InputError, UsageError)) as error:
            run(source, tmp_path / "out", **options)
        assert reason in str(error.value)
        assert not list(tmp_path.glob("out/*"))

    def test_times_are_needed_for_latest(self, tmp_path: Path) -> None:
        matrix = interactions(9, 9, 0.5, 1).with_meta(meta_for("interactions", []))
        save_interactions(tmp_path / "m.npz", matrix)
        with pytest.raises(InputError, match="needs times"):
            run(tmp_path / "m.npz", tmp_path / "out", strategy="latest", n=1)

    def test_another_run_on_the_folder_is_kept_off(self, source: Path, tmp_path: Path) -> None:
        with output_lock(tmp_path / "out"), pytest.raises(LockedError):
            run(source, tmp_path / "out", n=3)


class TestEarlierSplit:
    def test_a_refused_split_leaves_it(self, source: Path, tmp_path: Path) -> None:
        run(source, tmp_path / "out", n=3, valid=True)
        before = files(tmp_path / "out")
        with pytest.raises(InputError):
            run(source, tmp_path / "out", n=20)
        assert files(tmp_path / "out") == before

    @pytest.mark.parametrize("error", [OSError(28, "No space left"), KeyboardInterrupt()])
    @pytest.mark.parametrize("part", [0, 1, 2])
    def test_a_split_that_fails_while_writing_leaves_it(
        self,
        source: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        part: int,
        error: BaseException,
    ) -> None:
        run(source, tmp_path / "out", n=3, valid=True)
        before = files(tmp_path / "out")
        written = 0

        def fail(path: Path, interactions: Interactions, **_: bool) -> None:
            nonlocal written
            if written == part:
                raise error
            written += 1
            save_interactions(path, interactions)

        monkeypatch.setattr(stage, "save_interactions", fail)
        with pytest.raises(type(error)):
            run(source, tmp_path / "out", n=4, valid=True)
        assert files(tmp_path / "out") == before

    def test_its_validation_set_goes_with_it(self, source: Path, tmp_path: Path) -> None:
        run(source, tmp_path / "out", n=3, valid=True)
        run(source, tmp_path / "out", n=3)
        assert sorted(files(tmp_path / "out")) == ["test.npz", "train.npz"]

    def test_what_a_killed_run_left_is_in_nobodys_way(self, source: Path, tmp_path: Path) -> None:
        left = tmp_path / "out" / ".split.tmp"
        left.mkdir(parents=True)
        (left / "train.npz").write_bytes(b"half")
        run(source, tmp_path / "out", n=3)
        assert sorted(files(tmp_path / "out")) == ["test.npz", "train.npz"]

    def test_other_files_of_the_folder_stay(self, source: Path, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "notes.txt").write_bytes(b"mine")
        run(source, tmp_path / "out", n=3)
        assert (tmp_path / "out" / "notes.txt").read_bytes() == b"mine"


def test_ml_100k_splits_as_published(datasets: Path, tmp_path: Path) -> None:
    """The five published splits of ml-100k: 80,000 train and 20,000 test rows, 943 × 1,682."""
    folder = datasets / "ml-100k"
    if not (folder / "u1.base").exists():
        pytest.skip(f"{folder} holds no u1.base")
    options = {"train_file": str(folder / "u1.base"), "test_file": str(folder / "u1.test")}
    run(None, tmp_path / "out", **options)
    parts = read(tmp_path / "out")
    assert (parts["train"].n_ratings, parts["test"].n_ratings) == (80_000, 20_000)
    assert (parts["train"].n_users, parts["train"].n_items) == (943, 1682)
    assert np.isin(parts["train"].data, [1, 2, 3, 4, 5]).all()


def test_folds_of_an_earlier_split_do_not_stay_beside_the_new_ones(cli, tmp_path):
    """A script that globs fold*/ must not meet two splits."""
    sample = ["--users", "30", "--items", "20", "--ratings", "300"]
    assert cli("fetch", "demo", "--out", tmp_path / "d.npz", *sample).exit_code == 0
    out = tmp_path / "s"
    for options, expected in (
        (["--folds", "4"], {"fold1", "fold2", "fold3", "fold4"}),
        (["--folds", "2"], {"fold1", "fold2"}),
        (["--n", "2", "--valid"], {"train.npz", "test.npz", "valid.npz"}),
        (["--n", "2"], {"train.npz", "test.npz"}),
        (["--folds", "2"], {"fold1", "fold2"}),
    ):
        assert cli("split", tmp_path / "d.npz", "--out", out, *options).exit_code == 0
        assert {path.name for path in out.iterdir()} == expected
