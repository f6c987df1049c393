"""Files that mfcli writes: whole or not at all, the same bytes again, and nothing foreign read."""

from __future__ import annotations

import io
import json
import os
import pickle
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.artifacts import (
    atomic_file,
    atomic_path,
    file_sha256,
    lineage_entry,
    load_interactions,
    meta_for,
    open_input,
    output_lock,
    real_output,
    save_interactions,
)
from mfcli.artifacts.checkpoint import (
    Checkpoint,
    load_any,
    load_checkpoint,
    load_resume,
    load_weights,
    save_checkpoint,
    save_resume,
    write_checkpoint,
)
from mfcli.artifacts.meta import check_meta, from_json, schema_of, to_json
from mfcli.config import ModelArgs, ModelKind
from mfcli.data.interactions import Catalog, Interactions
from mfcli.errors import InputError, LockedError, MfcliError, UsageError
from tests.helpers import TEXT, any_interactions, equal, id_lists, interactions

META = meta_for("interactions", [lineage_entry("fetch", {"threshold": 4.0}, [{"sha256": "ab"}])])


def matrix_file(folder: Path, **changed: Any) -> Path:
    """Write a small .npz by hand, with members changed, or left out where they are None."""
    matrix = interactions(6, 5, 0.5, 1, times=True)
    arrays = {
        "format": np.array(b"csr"),
        "shape": np.array([6, 5]),
        "indptr": matrix.indptr,
        "indices": matrix.indices,
        "data": matrix.data,
        "timestamps": matrix.timestamps,
        "user_ids": matrix.catalog.user_ids,
        "item_ids": matrix.catalog.item_ids,
        "meta": np.array(to_json(META)),
        **changed,
    }
    path = folder / "matrix.npz"
    np.savez(path, **{name: entry for name, entry in arrays.items() if entry is not None})
    return path


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.mark, "w")


class TestInteractionsFile:
    @settings(deadline=None, max_examples=30)
    @given(any_interactions())
    def test_what_is_read_is_what_was_written(
        self, tmp_path_factory: pytest.TempPathFactory, matrix: Interactions
    ) -> None:
        path = tmp_path_factory.getbasetemp() / "round.npz"
        save_interactions(path, matrix.with_meta(META))
        read = load_interactions(path)
        assert equal(matrix, read)
        assert read.meta == META

    def test_scipy_reads_it_as_it_is(self, tmp_path: Path) -> None:
        matrix = interactions(9, 7, 0.4, 2, times=True)
        save_interactions(tmp_path / "m.npz", matrix.with_meta(META))
        read: Any = scipy.sparse.load_npz(tmp_path / "m.npz")
        assert read.format == "csr"
        assert read.shape == (9, 7)
        assert read.dtype == np.float32
        assert np.array_equal(read.indices, matrix.indices)
        assert np.array_equal(read.data, matrix.data)
        assert (matrix.data == 0).any()  # explicit zeros are among them

    def test_explicit_zeros_are_kept(self, tmp_path: Path) -> None:
        matrix = interactions(9, 7, 0.4, 2)
        save_interactions(tmp_path / "m.npz", matrix.with_meta(META))
        read = load_interactions(tmp_path / "m.npz")
        assert np.count_nonzero(read.data == 0) == np.count_nonzero(matrix.data == 0) > 0

    def test_the_same_content_gives_the_same_bytes_wherever_it_is_written(
        self, tmp_path: Path
    ) -> None:
        for name in ("one/a.npz", "two/another name.npz"):
            matrix = interactions(30, 20, 0.3, 3, times=True).with_meta(dict(META))
            save_interactions(tmp_path / name, matrix)
        first, second = (path.read_bytes() for path in sorted(tmp_path.glob("*/*.npz")))
        assert first == second

    def test_the_order_of_keys_in_meta_is_of_no_account(self, tmp_path: Path) -> None:
        matrix = interactions(3, 3, 0.5, 3)
        turned = dict(reversed(META.items()))
        save_interactions(tmp_path / "a.npz", matrix.with_meta(META))
        save_interactions(tmp_path / "b.npz", matrix.with_meta(turned))
        assert file_sha256(tmp_path / "a.npz") == file_sha256(tmp_path / "b.npz")

    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"indptr": None}, "has no indptr"),
            ({"user_ids": None}, "has no user_ids"),
            ({"meta": None}, "has no meta"),
            ({"format": np.array(b"csc")}, "CSR"),
            ({"shape": np.array([5, 6])}, "its shape is not that of its ids"),
            ({"indptr": np.arange(7, dtype=np.int32)}, "does not describe"),
            ({"data": np.ones(3)}, "data should be"),
            ({"timestamps": np.ones(3, np.int64)}, "timestamps should be"),
            ({"user_ids": np.arange(5)}, "does not describe"),
            ({"user_ids": np.zeros(6, np.int64)}, "holds an id twice"),
            ({"user_ids": np.arange(6.0)}, "user_ids should be"),
            ({"item_names": np.array(["a"])}, "one entry an item"),
            ({"item_names": np.arange(5)}, "should be unicode"),
            ({"meta": np.array("no JSON")}, "its meta is damaged"),
            ({"meta": np.array("[]")}, "its meta is damaged"),
            ({"meta": np.array("[" * 100_000)}, "its meta is damaged"),
            ({"meta": np.array("{}")}, "its meta is damaged"),
            ({"meta": np.array('{"schema":"1"}')}, "its meta is damaged"),
            ({"meta": np.array('{"schema":1,"lineage":3}')}, "its meta is damaged"),
            ({"meta": np.array('{"schema":1,"lineage":[3]}')}, "its meta is damaged"),
            (
                {"meta": np.array(json.dumps({**META, "schema": schema_of("interactions") + 1}))},
                "newer mfcli",
            ),
        ],
    )
    def test_a_file_of_other_content_is_refused_by_name(
        self, tmp_path: Path, changed: dict[str, Any], reason: str
    ) -> None:
        path = matrix_file(tmp_path, **changed)
        with pytest.raises(InputError) as error:
            load_interactions(path)
        assert reason in str(error.value)
        assert str(error.value).startswith(f"{path}: ")

    def test_the_file_made_by_hand_is_whole(self, tmp_path: Path) -> None:
        assert load_interactions(matrix_file(tmp_path)).n_users == 6

    @pytest.mark.parametrize("name", ["user_ids", "item_ids", "data", "meta", "item_names"])
    def test_a_pickle_within_is_refused_and_never_executed(self, tmp_path: Path, name: str) -> None:
        mark = tmp_path / "executed"
        path = matrix_file(tmp_path, **{name: np.array([Trap(mark)] * 5, object)})
        with pytest.raises(InputError, match="damaged"):
            load_interactions(path)
        assert not mark.exists()

    def test_a_bare_pickle_is_refused_and_never_executed(self, tmp_path: Path) -> None:
        mark = tmp_path / "executed"
        (tmp_path / "m.npz").write_bytes(pickle.dumps(Trap(mark)))
        with pytest.raises(InputError, match=r"is not an \.npz file"):
            load_interactions(tmp_path / "m.npz")
        assert not mark.exists()

    @pytest.mark.parametrize(
        "content",
        [b"", b"user,item\n1,2\n", b"\x93NUMPY", b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18],
    )
    def test_what_is_no_npz_is_refused(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "m.npz").write_bytes(content)
        with pytest.raises(InputError):
            load_interactions(tmp_path / "m.npz")

    def test_a_csr_file_of_scipy_alone_is_refused_with_the_way_out(self, tmp_path: Path) -> None:
        scipy.sparse.save_npz(tmp_path / "m.npz", interactions(4, 4, 0.5, 0).csr())
        with pytest.raises(InputError, match="mfcli fetch"):
            load_interactions(tmp_path / "m.npz")


# --- damage: any byte, any length -------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the bytes of a small matrix and of a small checkpoint."""
    folder = tmp_path_factory.mktemp("whole")
    matrix = interactions(6, 5, 0.5, 1, times=True).with_meta(META)
    save_interactions(folder / "m.npz", matrix)
    save_checkpoint(folder / "m.pt", checkpoint_of(6, 5))
    return {".npz": (folder / "m.npz").read_bytes(), ".pt": (folder / "m.pt").read_bytes()}


LOADERS: dict[str, Callable[[Path], Any]] = {".npz": load_interactions, ".pt": load_checkpoint}


@pytest.mark.parametrize("kind", LOADERS)
@settings(deadline=None, max_examples=120)
@given(st.data())
def test_a_damaged_file_is_refused_or_reads_as_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    whole: dict[str, bytes],
    kind: str,
    data: st.DataObject,
) -> None:
    """Never another exception, whatever byte is wrong or wherever the file ends."""
    content = bytearray(whole[kind])
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"damaged{kind}"
    path.write_bytes(content)
    try:
        LOADERS[kind](path)
    except InputError as error:
        message = str(error)
    else:
        return
    assert str(path) in message
    assert "\n" not in message


@pytest.mark.parametrize("kind", LOADERS)
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, whole: dict[str, bytes], kind: str) -> None:
    content = whole[kind]
    for end in [*range(0, len(content), len(content) // 40), len(content) - 1]:
        (tmp_path / "cut").write_bytes(content[:end])
        with pytest.raises(InputError):
            LOADERS[kind](tmp_path / "cut")


@pytest.mark.parametrize("load", [load_interactions, load_checkpoint, load_resume, load_any])
class TestNoFile:
    def test_a_missing_file_is_an_input_error(
        self, tmp_path: Path, load: Callable[[Path], Any]
    ) -> None:
        with pytest.raises(InputError, match="no such file"):
            load(tmp_path / "none")

    def test_a_folder_is_an_input_error(self, tmp_path: Path, load: Callable[[Path], Any]) -> None:
        with pytest.raises(InputError, match="is a folder"):
            load(tmp_path)

    def test_a_device_is_an_input_error(self, load: Callable[[Path], Any]) -> None:
        with pytest.raises(InputError, match="is not a regular file"):
            load(Path(os.devnull))

    def test_a_pipe_that_nobody_writes_is_refused_at_once(
        self, tmp_path: Path, load: Callable[[Path], Any]
    ) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InputError, match="is not a regular file"):
            load(tmp_path / "pipe")


# --- checkpoints ------------------------------------------------------------------------------


def checkpoint_of(n_users: int, n_items: int, **changed: Any) -> Checkpoint:
    matrix = interactions(n_users, n_items, 0.5, 4)
    parts: dict[str, Any] = {
        "options": {"model": "biased-mf", "factors": 3, "global_mean": True, "stages": []},
        "weights": {
            "user_factors": np.arange(n_users * 3, dtype=np.float32).reshape(n_users, 3),
            "global_mean": np.array(3.5, np.float32),
        },
        "model_args": ModelArgs(
            model=ModelKind.mf, n_users=n_users, n_items=n_items, factors=3, item_factors=3
        ),
        "catalog": matrix.catalog,
        "seen_indptr": matrix.indptr,
        "seen_indices": matrix.indices,
        "rating_range": (0.5, 5.0),
        "rating_mean": 3.25,
        "history": [{"epoch": 1, "train_loss": 0.5, "valid_loss": None, "metrics": {"auc": 0.7}}],
        "meta": meta_for("model", [lineage_entry("train", {"epochs": 1}, [])]),
        **changed,
    }
    return Checkpoint(**parts)


NAMES = np.array(["Amélie", "千と千尋の神隠し", "", 'a "b", c\n', "🎬" * 40])


class TestCheckpoint:
    @settings(deadline=None, max_examples=25)
    @given(st.data())
    def test_what_is_read_is_what_was_written(
        self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        n_users, n_items = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
        names = data.draw(
            st.none() | st.lists(TEXT, min_size=n_items, max_size=n_items).map(np.array)
        )
        catalog = Catalog(data.draw(id_lists(n_users)), data.draw(id_lists(n_items)), names)
        then = checkpoint_of(n_users, n_items, catalog=catalog)
        path = tmp_path_factory.getbasetemp() / "round.pt"
        save_checkpoint(path, then)
        now = load_checkpoint(path)
        assert now.catalog.same_ids(catalog)
        assert (now.catalog.item_names is None) == (names is None)
        assert names is None or now.catalog.item_names.tolist() == names.tolist()  # type: ignore[union-attr]
        for name in ("options", "rating_range", "rating_mean", "history", "meta"):
            assert getattr(now, name) == getattr(then, name)
        for name in ("seen_indptr", "seen_indices"):
            assert np.array_equal(getattr(now, name), getattr(then, name))
            assert getattr(now, name).dtype == getattr(then, name).dtype
        assert set(now.weights) == set(then.weights)
        assert all(np.array_equal(now.weights[name], then.weights[name]) for name in then.weights)

    def test_unicode_ids_and_names_come_back(self, tmp_path: Path) -> None:
        catalog = Catalog(np.array(["ß", "007", "\u202e", " x "]), NAMES, NAMES)
        save_checkpoint(tmp_path / "m.pt", checkpoint_of(4, 5, catalog=catalog))
        read = load_checkpoint(tmp_path / "m.pt").catalog
        assert read.same_ids(catalog)
        assert read.item_names is not None
        assert read.item_names.tolist() == NAMES.tolist()

    @pytest.mark.parametrize("texts", [False, True])
    def test_it_holds_tensors_and_plain_values_only(self, tmp_path: Path, texts: bool) -> None:
        catalog = Catalog(NAMES, NAMES, NAMES) if texts else interactions(5, 5, 0.5, 4).catalog
        save_checkpoint(tmp_path / "m.pt", checkpoint_of(5, 5, catalog=catalog))
        document = torch.load(tmp_path / "m.pt", weights_only=True)

        def visit(value: Any) -> None:
            if isinstance(value, dict):
                assert type(value) is dict
                for key, entry in value.items():
                    assert type(key) is str
                    visit(entry)
            elif isinstance(value, list):
                for element in value:
                    visit(element)
            else:
                assert type(value) in (torch.Tensor, str, int, float, bool, type(None))

        visit(document)
        assert not [key for key in document if "optim" in key]

    def test_ids_are_stored_without_a_string_each(self, tmp_path: Path) -> None:
        catalog = Catalog(np.array([f"user {number}" for number in range(5000)]), np.arange(3))
        save_checkpoint(tmp_path / "m.pt", checkpoint_of(5000, 3, catalog=catalog))
        with zipfile.ZipFile(tmp_path / "m.pt") as archive:
            (pickled,) = [
                member for member in archive.infolist() if member.filename.endswith("data.pkl")
            ]
        assert pickled.file_size < 5000

    def test_the_same_content_gives_the_same_bytes_wherever_it_is_written(
        self, tmp_path: Path
    ) -> None:
        for name in ("one/a.pt", "two/another name.pt"):
            save_checkpoint(tmp_path / name, checkpoint_of(20, 30))
        first, second = (path.read_bytes() for path in sorted(tmp_path.glob("*/*.pt")))
        assert first == second

    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"seen_indptr": np.arange(6, dtype=np.int32)}, "seen"),
            ({"seen_indptr": np.zeros(7, np.float32)}, "seen"),
            ({"seen_indices": np.full(14, 5, np.int32)}, "seen"),
            ({"seen_indices": np.full(14, 0, np.int32)}, "seen"),
            ({"seen_indices": np.full(14, -1, np.int32)}, "seen"),
            ({"weights": {"user_factors": np.ones(2, np.float32)}, "options": ["mf"]}, "options"),
            ({"options": {}, "history": [3]}, "history"),
            ({"rating_range": (1.0,)}, "is damaged"),
            ({"rating_mean": "high"}, "is damaged"),
            ({"meta": {**META, "kind": "model", "schema": schema_of("model") + 1}}, "newer mfcli"),
            ({"meta": {"kind": "model"}}, "its meta is damaged"),
            ({"meta": meta_for("resume", [])}, "holds resume, not model"),
        ],
    )
    def test_a_file_of_other_content_is_refused_by_name(
        self, tmp_path: Path, changed: dict[str, Any], reason: str
    ) -> None:
        path = tmp_path / "m.pt"
        sound = checkpoint_of(6, 5)
        if "seen_indices" in changed:  # as many as there are, but others
            changed = {"seen_indices": np.resize(changed["seen_indices"], len(sound.seen_indices))}
        save_checkpoint(path, checkpoint_of(6, 5, **changed))
        with pytest.raises(InputError) as error:
            load_checkpoint(path)
        assert reason in str(error.value)
        assert str(error.value).startswith(f"{path}: ")

    @pytest.mark.parametrize("key", ["options", "weights", "user_ids", "seen_indptr", "meta"])
    def test_a_file_that_lacks_a_part_is_refused(self, tmp_path: Path, key: str) -> None:
        save_checkpoint(tmp_path / "m.pt", checkpoint_of(6, 5))
        document = torch.load(tmp_path / "m.pt", weights_only=True)
        del document[key]
        torch.save(document, tmp_path / "m.pt")
        with pytest.raises(InputError):
            load_checkpoint(tmp_path / "m.pt")

    def test_a_pickled_object_is_refused_and_never_executed(self, tmp_path: Path) -> None:
        mark = tmp_path / "executed"
        torch.save({"meta": Trap(mark)}, tmp_path / "m.pt")
        with pytest.raises(InputError, match="not a checkpoint"):
            load_checkpoint(tmp_path / "m.pt")
        assert not mark.exists()

    @pytest.mark.parametrize("document", [[1, 2], {"weights": {}}, torch.ones(2)])
    def test_a_foreign_pt_is_refused(self, tmp_path: Path, document: Any) -> None:
        torch.save(document, tmp_path / "m.pt")
        with pytest.raises(InputError, match="is not a checkpoint of mfcli"):
            load_checkpoint(tmp_path / "m.pt")

    def test_a_wrong_bit_in_a_weight_is_found(self, tmp_path: Path) -> None:
        weights = {"user_factors": np.full((6, 3), 0.123, np.float32)}
        save_checkpoint(tmp_path / "m.pt", checkpoint_of(6, 5, weights=weights))
        content = (tmp_path / "m.pt").read_bytes()
        one = np.float32(0.123).tobytes()
        assert one in content
        (tmp_path / "m.pt").write_bytes(content.replace(one, np.float32(0.124).tobytes(), 1))
        with pytest.raises(InputError, match="checksum"):
            load_checkpoint(tmp_path / "m.pt")

    @pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04", b"\x80\x02}q\x00.", b"a,b\n"])
    def test_what_is_no_pt_is_refused(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "m.pt").write_bytes(content)
        with pytest.raises(InputError):
            load_checkpoint(tmp_path / "m.pt")

    def test_an_npz_is_no_checkpoint(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="checkpoint"):
            load_checkpoint(matrix_file(tmp_path))


STATE: dict[str, Any] = {
    "meta": meta_for("resume", []),
    "options": {"epochs": 3},
    "state": {"weights": {"user_factors": np.ones((2, 2), np.float32)}, "epoch": 2},
}


class TestResume:
    def test_the_state_comes_back(self, tmp_path: Path) -> None:
        save_resume(tmp_path / "m.pt.resume", STATE)
        read = load_resume(tmp_path / "m.pt.resume")
        assert read["options"] == {"epochs": 3}
        assert np.array_equal(read["state"]["weights"]["user_factors"], np.ones((2, 2)))

    @pytest.mark.parametrize("number", range(1, 9))
    def test_an_interruption_within_a_write_is_one(self, number: int) -> None:
        """Whatever write it comes in, it is not hidden by what fails after it."""

        class Interrupted(io.BytesIO):
            writes = 0

            def write(self, content: Any) -> int:
                self.writes += 1
                if self.writes == number:
                    raise KeyboardInterrupt("terminated")
                return super().write(content)

        with pytest.raises(KeyboardInterrupt, match="terminated"):
            write_checkpoint(Interrupted(), checkpoint_of(3, 4))

    def test_a_checkpoint_is_no_state(self, tmp_path: Path) -> None:
        save_checkpoint(tmp_path / "m.pt", checkpoint_of(6, 5))
        with pytest.raises(InputError, match="holds model, not resume: start without --resume"):
            load_resume(tmp_path / "m.pt")

    def test_weights_come_from_either(self, tmp_path: Path) -> None:
        save_resume(tmp_path / "m.pt.resume", STATE)
        save_checkpoint(tmp_path / "m.pt", checkpoint_of(6, 5))
        weights, catalog = load_weights(tmp_path / "m.pt.resume")
        assert list(weights) == ["user_factors"]
        assert catalog is None
        weights, catalog = load_weights(tmp_path / "m.pt")
        assert "global_mean" in weights
        assert catalog is not None
        assert catalog.same_ids(checkpoint_of(6, 5).catalog)

    def test_a_state_without_weights_is_refused(self, tmp_path: Path) -> None:
        save_resume(tmp_path / "m.pt.resume", {"meta": meta_for("resume", []), "state": 3})
        with pytest.raises(InputError, match="damaged"):
            load_weights(tmp_path / "m.pt.resume")

    def test_both_kinds_are_shown_by_inspect(self, tmp_path: Path) -> None:
        save_resume(tmp_path / "m.pt.resume", STATE)
        save_checkpoint(tmp_path / "m.pt", checkpoint_of(6, 5))
        assert load_any(tmp_path / "m.pt.resume")["meta"]["kind"] == "resume"
        assert load_any(tmp_path / "m.pt")["meta"]["kind"] == "model"


class TestMeta:
    def test_it_names_schema_and_kind_and_no_time_or_place(self) -> None:
        meta = meta_for("model", [], split_id="a")
        assert set(meta) == {"schema", "kind", "mfcli", "lineage", "split_id"}

    def test_it_comes_back_from_json(self) -> None:
        meta = meta_for("metrics", [lineage_entry("fetch", {"x": [1, "ß"]}, [])])
        assert from_json(to_json(meta), "here") == meta

    @pytest.mark.parametrize("schema", [True, 1.0, 0, -1, None])
    def test_a_schema_is_a_number_from_one(self, schema: Any) -> None:
        with pytest.raises(InputError, match="here: its meta is damaged"):
            check_meta({**META, "schema": schema}, "here")


# --- whole or not at all ----------------------------------------------------------------------


@pytest.fixture
def umask() -> Iterator[Callable[[int], None]]:
    before = os.umask(0o022)
    yield lambda mask: (os.umask(mask), None)[1]
    os.umask(before)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestAtomicFile:
    def test_it_appears_when_it_is_whole(self, tmp_path: Path) -> None:
        with atomic_file(tmp_path / "f") as stream:
            stream.write(b"new")
            assert not (tmp_path / "f").exists()
        assert (tmp_path / "f").read_bytes() == b"new"
        assert names_in(tmp_path) == ["f"]

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, OSError(28, "")])
    def test_a_failure_leaves_the_earlier_file_and_nothing_else(
        self, tmp_path: Path, error: Any
    ) -> None:
        (tmp_path / "f").write_bytes(b"old")

        def fail() -> None:
            with atomic_file(tmp_path / "f") as stream:
                stream.write(b"half")
                raise error

        kind = error if isinstance(error, type) else type(error)
        with pytest.raises(kind):
            fail()
        assert (tmp_path / "f").read_bytes() == b"old"
        assert names_in(tmp_path) == ["f"]

    def test_a_failing_rename_leaves_the_earlier_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "f").write_bytes(b"old")

        def refuse(*_: Any) -> None:
            raise PermissionError(13, "no")

        monkeypatch.setattr(os, "replace", refuse)
        with pytest.raises(PermissionError), atomic_file(tmp_path / "f") as stream:
            stream.write(b"new")
        assert (tmp_path / "f").read_bytes() == b"old"
        assert names_in(tmp_path) == ["f"]

    def test_data_reach_the_disk_before_the_name_does(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done: list[str] = []

        def noted(name: str, call: Callable[..., None]) -> Callable[..., None]:
            def run(*given: Any) -> None:
                done.append(name)
                call(*given)

            return run

        monkeypatch.setattr(os, "fsync", noted("flush", os.fsync))
        monkeypatch.setattr(os, "replace", noted("name", os.replace))
        with atomic_file(tmp_path / "f") as stream:
            stream.write(b"new")
        assert done == ["flush", "name", "flush"]  # the folder's entry last

    @pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
    def test_its_mode_follows_the_umask(
        self, tmp_path: Path, umask: Callable[[int], None], mask: int
    ) -> None:
        umask(mask)
        with atomic_file(tmp_path / "f") as stream:
            stream.write(b"new")
        assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o666 & ~mask

    def test_what_a_killed_run_left_is_replaced(self, tmp_path: Path) -> None:
        (tmp_path / ".f.tmp").write_bytes(b"left by a killed run")
        with atomic_file(tmp_path / "f") as stream:
            stream.write(b"new")
        assert names_in(tmp_path) == ["f"]

    def test_a_link_stays_and_its_target_is_written(self, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "real").write_bytes(b"old")
        (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "real")
        with atomic_file(tmp_path / "link") as stream:
            stream.write(b"new")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "elsewhere" / "real").read_bytes() == b"new"
        assert names_in(tmp_path / "elsewhere") == ["real"]

    def test_a_link_to_what_is_not_there_yet_is_followed(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("real")
        with atomic_file(tmp_path / "link") as stream:
            stream.write(b"new")
        assert (tmp_path / "real").read_bytes() == b"new"
        assert (tmp_path / "link").is_symlink()

    def test_missing_folders_are_made(self, tmp_path: Path) -> None:
        with atomic_path(tmp_path / "a" / "b" / "f") as temporary:
            temporary.write_bytes(b"new")
        assert (tmp_path / "a" / "b" / "f").read_bytes() == b"new"

    def test_a_folder_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="is a folder: name a file"):
            real_output(tmp_path)

    @pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to(os.devnull)])
    def test_a_pipe_or_a_device_is_refused(
        self, tmp_path: Path, make: Callable[[Path], None]
    ) -> None:
        make(tmp_path / "f")
        with pytest.raises(UsageError, match="is not a regular file"):
            real_output(tmp_path / "f")
        with pytest.raises(UsageError), atomic_file(tmp_path / "f"):
            pass

    @pytest.mark.parametrize("name", ["file/model.pt", "file/deeper/model.pt"])
    def test_a_file_in_the_place_of_a_folder_is_refused(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(UsageError, match="not a folder"), output_lock(tmp_path / name):
            pass
        with pytest.raises(UsageError, match="not a folder"), atomic_file(tmp_path / name):
            pass

    def test_an_input_is_hashed_in_hex(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"abc")
        assert file_sha256(tmp_path / "f").startswith("ba7816bf8f01cfea")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_an_input_that_may_not_be_read_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"abc")
        (tmp_path / "f").chmod(0)
        with pytest.raises(InputError, match="cannot be read"):
            open_input(tmp_path / "f")


HOLD = """
import fcntl, sys
stream = open(sys.argv[1], "a")
fcntl.flock(stream, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


class TestLock:
    def test_it_keeps_another_process_off(self, tmp_path: Path) -> None:
        """The other one is a bare Python: it imports nothing of mfcli."""
        out = tmp_path / "m.pt"
        with subprocess.Popen(
            [sys.executable, "-S", "-c", HOLD, f"{out}.lock"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == b"held\n"
            with pytest.raises(LockedError, match=r"m\.pt\.lock") as error, output_lock(out):
                pass
            assert error.value.exit_status == 7
            other.kill()
            other.wait()
            with output_lock(out):  # the kernel released it
                pass

    def test_it_keeps_another_thread_off(self, tmp_path: Path) -> None:
        caught: list[BaseException] = []

        def second() -> None:
            try:
                with output_lock(tmp_path / "m.pt"):
                    pass
            except MfcliError as error:
                caught.append(error)

        with output_lock(tmp_path / "m.pt"):
            thread = threading.Thread(target=second)
            thread.start()
            thread.join()
        assert [type(entry) for entry in caught] == [LockedError]

    def test_its_file_stays_and_is_empty(self, tmp_path: Path) -> None:
        with output_lock(tmp_path / "m.pt"):
            pass
        assert names_in(tmp_path) == ["m.pt.lock"]
        assert (tmp_path / "m.pt.lock").read_bytes() == b""

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
    def test_it_is_released_after_an_exception(
        self, tmp_path: Path, error: type[BaseException]
    ) -> None:
        with pytest.raises(error), output_lock(tmp_path / "m.pt"):
            raise error
        with output_lock(tmp_path / "m.pt"):
            pass

    def test_two_outputs_do_not_disturb_each_other(self, tmp_path: Path) -> None:
        with output_lock(tmp_path / "a"), output_lock(tmp_path / "b"):
            pass

    def test_two_names_of_one_output_are_one_lock(self, tmp_path: Path) -> None:
        (tmp_path / "real").write_bytes(b"")
        (tmp_path / "link").symlink_to("real")
        with (
            output_lock(tmp_path / "real"),
            pytest.raises(LockedError),
            output_lock(tmp_path / "link"),
        ):
            pass

    def test_it_makes_missing_folders(self, tmp_path: Path) -> None:
        with output_lock(tmp_path / "a" / "b" / "m.pt"):
            assert (tmp_path / "a" / "b").is_dir()
