"""Damaged and hostile artifacts: refused with a reason, never executed, never unpacked to death.

Whatever the bytes are, a loader reads them or raises an InputError; what it allocates is bounded by
what the file really holds.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet
import pytest
import scipy.sparse
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mfcli.artifacts import load_interactions, meta_for, save_interactions
from mfcli.artifacts.checkpoint import load_any, load_checkpoint, load_resume, load_weights
from mfcli.artifacts.metrics import load_metrics
from mfcli.config import FetchConfig
from mfcli.config.fetch import Format
from mfcli.errors import InputError, SystemRefusedError, UsageError
from mfcli.sources.reading import read_any
from mfcli.stages.inspect import inspect
from tests.faults.test_bad_input import EARLIER, accepted, refused, untouched, write
from tests.helpers import interactions

BOUNDED = settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
MEMORY = 64 << 20  # bytes that a small hostile file may cost


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.mark, "w")


@pytest.fixture(scope="module")
def made(tmp_path_factory, cli):
    """Make one of each artifact, with names, times and text ids."""
    folder = tmp_path_factory.mktemp("made")
    rows = "".join(f"u{u},{i},{1 + (u * i) % 5},{u + i}\n" for u in range(9) for i in range(12))
    write(folder / "t.csv", "user,item,rating,time\n" + rows)
    write(folder / "names.csv", "item,title\n" + "".join(f"{i},Film {i}\n" for i in range(12)))
    accepted(
        cli(
            "fetch",
            folder / "t.csv",
            "--out",
            folder / "d.npz",
            "--item-names",
            folder / "names.csv",
        )
    )
    accepted(cli("split", folder / "d.npz", "--out", folder, "--n", "2"))
    options = ("--epochs", "2", "--factors", "3", "--quiet")
    accepted(cli("train", folder / "train.npz", "--out", folder / "m.pt", *options))
    accepted(cli("evaluate", folder / "m.pt", folder / "test.npz", "--out", folder / "m.json"))
    accepted(cli("recommend", folder / "m.pt", "--out", folder / "r.csv"))
    return folder


def member(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=True)
    return stream.getvalue()


def head(descr: str, shape: Any) -> bytes:
    """Return the head of an array that says what it likes."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    text = text.ljust(-(-(len(text) + 11) // 64) * 64 - 11) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def npz(source: Path, target: Path, changed: dict[str, bytes], packed: bool = False) -> Path:
    """Copy an .npz with members replaced by bytes."""
    kind, changed = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED, dict(changed)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", kind) as new:
        for info in old.infolist():
            content = changed.pop(info.filename.removesuffix(".npy"), None)
            new.writestr(info.filename, old.read(info) if content is None else content)
        for name, content in changed.items():
            new.writestr(f"{name}.npy", content)
    return target


def refuses(load: Callable[[Path], Any], path: Path, *words: str) -> None:
    """Check that a file is refused by name, at no great cost in memory."""
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as error:
            load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert str(error.value).startswith(f"{path}")
    for word in words:
        assert word in str(error.value)
    assert peak < MEMORY, f"{peak >> 20} MB for {error.value}"


HUGE = 10**12
BAD_MEMBERS: dict[str, dict[str, bytes]] = {
    "shape beyond the bytes": {"data": head("'<f4'", f"({HUGE},)")},
    "shape beyond 64 bits": {"data": head("'<f4'", f"({10**30},)")},
    "negative shape": {"data": head("'<f4'", "(-1,)")},
    "two dimensions": {"data": member(np.ones((2, 2), np.float32))},
    "no dimension": {"indices": member(np.array(3, np.int32))},
    "items of no width": {"user_ids": head("'<U0'", f"({HUGE},)")},
    "very wide items": {"user_ids": head("'<U999999999'", "(9,)")},
    "objects": {"data": member(np.array([None, {}], object))},
    "objects as ids": {"user_ids": member(np.array(["a", 3], object))},
    "structure": {"data": head("[('a', '<f4', (1000000000,))]", "(1,)")},
    "no array": {"data": b"no array"},
    "nothing": {"data": b""},
    "a header without end": {"data": b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535},
    "a header of another version": {"data": b"\x93NUMPY\x09\x00" + bytes(100)},
    "an index out of bounds": {"indices": member(np.full(90, 12, np.int32))},
    "a negative index": {"indices": member(np.full(90, -1, np.int32))},
    "an indptr that lies": {"indptr": member(np.array([0, 2**31 - 1] * 5, np.int32))},
    "indptr that wraps": {"indptr": member(np.array([0, -1] * 5, np.int64))},
    "unsigned indices": {"indices": member(np.zeros(90, np.uint32))},
    "big-endian": {"data": member(np.ones(90, ">f4"))},
    "nan": {"data": member(np.full(90, np.nan, np.float32))},
    "ids twice": {"user_ids": member(np.array(["a"] * 9))},
    "a lone surrogate": {"user_ids": member(np.array(["\ud800", *"bcdefghi"]))},
    "beyond unicode": {"item_names": head("'<U1'", "(12,)") + b"\xff\xff\xff\x7f" * 12},
    "names that are too few": {"item_names": member(np.array(["a"]))},
    "meta beyond unicode": {"meta": head("'<U1'", "()") + b"\xff\xff\xff\x7f"},
    "meta of numbers": {"meta": member(np.arange(9))},
    "meta too deep": {"meta": member(np.array('{"schema":1,"x":' + "[" * 500 + "]" * 500 + "}"))},
    "meta with a surrogate": {"meta": member(np.array('{"schema":1,"x":"\\ud800"}'))},
    "meta with other steps": {"meta": member(np.array('{"schema":1,"lineage":[{"stage":3}]}'))},
    "a newer schema": {"meta": member(np.array('{"schema":99,"kind":"interactions"}'))},
}


@pytest.mark.parametrize("name", BAD_MEMBERS)
def test_an_npz_that_lies_is_refused(made, tmp_path, name):
    path = npz(made / "train.npz", tmp_path / "m.npz", BAD_MEMBERS[name])
    refuses(load_interactions, path)


def test_a_pickle_in_an_npz_is_never_executed(made, tmp_path, cli):
    mark = tmp_path / "executed"
    trap = np.empty(1, object)
    trap[0] = Trap(mark)
    for name in ("data", "user_ids", "meta", "another"):
        path = npz(made / "train.npz", tmp_path / f"{name}.npz", {name: member(trap)})
        out = write(tmp_path / "m.pt", EARLIER)
        result = cli("train", path, "--out", out, "--model", "bias")
        if name != "another":  # nobody looks at that one
            refused(result, 3, "Python objects")
            untouched(out)
    assert not mark.exists()


def test_an_npz_that_unpacks_to_any_size_is_refused(made, tmp_path):
    zeros = member(np.zeros(1 << 26, np.float32))  # 256 MiB in 260 kB
    bomb = npz(made / "train.npz", tmp_path / "bomb.npz", {"data": zeros}, packed=True)
    assert bomb.stat().st_size < 1 << 20
    refuses(load_interactions, bomb, "unpack to")
    # Compressed as numpy and scipy do it, it is read all the same.
    small = npz(made / "train.npz", tmp_path / "small.npz", {}, packed=True)
    assert load_interactions(small).n_ratings == load_interactions(made / "train.npz").n_ratings


def test_a_zip_that_claims_more_bytes_than_it_has_is_refused(made, tmp_path):
    for kind, load in ((".npz", load_interactions), (".pt", load_checkpoint)):
        content = bytearray((made / f"{'train' if kind == '.npz' else 'm'}{kind}").read_bytes())
        at = content.index(b"PK\x01\x02")
        content[at + 20 : at + 28] = struct.pack("<II", 2**31, 2**31)  # sizes, packed and not
        refuses(load, write(tmp_path / f"claims{kind}", bytes(content)), "claim")


# --- checkpoints ---------------------------------------------------------------------------------


def document_of(made: Path) -> dict[str, Any]:
    return torch.load(made / "m.pt", weights_only=True)


def shared(levels: int) -> list[Any]:
    """Return a list that stands for 2 ** levels of them, in a few bytes."""
    value: list[Any] = [1, 1]
    for _ in range(levels):
        value = [value, value]
    return value


def in_circles() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def weights(made: Path, **changed: Any) -> dict[str, Any]:
    return {"weights": document_of(made)["weights"] | changed}


BAD_PARTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "weights of nan": lambda made: weights(made, user_bias=torch.full((9, 1), torch.nan)),
    "weights of inf": lambda made: weights(made, user_bias=torch.full((9, 1), torch.inf)),
    "an expanded weight": lambda made: weights(made, x=torch.ones(1).expand(10**12)),
    "a sparse weight": lambda made: weights(made, x=torch.eye(3).to_sparse()),
    "a weight of another kind": lambda made: weights(made, user_bias=3),
    "weights of another kind": lambda _: {"weights": [1]},
    "an expanded indptr": lambda _: {
        "seen_indptr": torch.zeros(1, dtype=torch.int32).expand(10**11)
    },
    "an index out of bounds": lambda made: {
        "seen_indices": torch.full_like(document_of(made)["seen_indices"], 99)
    },
    "indices of another kind": lambda _: {"seen_indices": "many"},
    "floating indices": lambda made: {"seen_indices": document_of(made)["seen_indices"].double()},
    "ids twice": lambda _: {"item_ids": {"int64": torch.zeros(12, dtype=torch.int64)}},
    "ids of floats": lambda _: {"item_ids": {"int64": torch.zeros(12)}},
    "ids of no UTF-8": lambda _: {
        "item_ids": {"utf8": torch.full((12,), 255, dtype=torch.uint8), "offsets": torch.arange(13)}
    },
    "offsets that go back": lambda _: {
        "item_ids": {
            "utf8": torch.full((12,), 65, dtype=torch.uint8),
            "offsets": torch.tensor([0, 9, 3, 12]),
        }
    },
    "offsets beyond the text": lambda _: {
        "item_ids": {
            "utf8": torch.full((12,), 65, dtype=torch.uint8),
            "offsets": torch.tensor([0, 10**12]),
        }
    },
    "a very long id": lambda _: {
        "item_ids": {
            "utf8": torch.full((9999,), 65, dtype=torch.uint8),
            "offsets": torch.tensor([0, 9999]),
        }
    },
    "no ids": lambda _: {"item_ids": {}},
    "names that are too few": lambda _: {
        "item_names": {
            "utf8": torch.full((1,), 65, dtype=torch.uint8),
            "offsets": torch.tensor([0, 1]),
        }
    },
    "history of another kind": lambda _: {"history": 3},
    "history of texts": lambda _: {"history": ["a"]},
    "history that is shared": lambda _: {"history": shared(50)},
    "options that are shared": lambda _: {"options": {"hidden": shared(50)}},
    "options in circles": lambda _: {"options": {"hidden": in_circles()}},
    "options too deep": lambda _: {"options": {"hidden": deep(150)}},
    "options of another kind": lambda _: {"options": [1]},
    "options with other keys": lambda _: {"options": {3: 4}},
    "a tensor as meta": lambda _: {"meta": torch.ones(3)},
    "a tensor in meta": lambda _: {"meta": meta_for("model", []) | {"x": torch.ones(3)}},
    "meta with other keys": lambda _: {"meta": meta_for("model", []) | {3: 4}},
    "a newer schema": lambda _: {"meta": meta_for("model", []) | {"schema": 3}},
    "no range": lambda _: {"rating_range": [float("nan"), 5.0]},
    "a range upside down": lambda _: {"rating_range": [5.0, 1.0]},
    "a mean that is none": lambda _: {"rating_mean": float("inf")},
}


@pytest.mark.parametrize("name", BAD_PARTS)
def test_a_checkpoint_that_lies_is_refused(made, tmp_path, name):
    path = tmp_path / "m.pt"
    torch.save(document_of(made) | BAD_PARTS[name](made), path)
    refuses(load_checkpoint, path)


@pytest.mark.parametrize(
    "changed",
    [
        {"model": "mf"},
        {"model": "no such"},
        {"model": "neural", "factors": 65536, "item_factors": 65536, "hidden": [65536] * 50},
        {"factors": "many"},
        {"factors": -1},
        {"n_users": 2**50},
        {"n_items": 1},
        None,
    ],
)
def test_model_args_that_do_not_fit_the_weights_are_refused(made, tmp_path, cli, changed):
    path, out = tmp_path / "m.pt", write(tmp_path / "r.csv", EARLIER)
    document = document_of(made)
    args = {} if changed is None else document["model_args"] | changed
    torch.save(document | {"model_args": args}, path)
    for words in (("recommend", path), ("evaluate", path, made / "test.npz")):
        refused(cli(*words, "--out", out), 3, "m.pt", "damaged")
        untouched(out)


@pytest.mark.parametrize("size", [1e20, 1e38])
def test_weights_too_large_for_a_score_are_refused(made, tmp_path, cli, size):
    path, out = tmp_path / "m.pt", write(tmp_path / "r.csv", EARLIER)
    large = {name: torch.full_like(entry, size) for name, entry in weights(made)["weights"].items()}
    torch.save(document_of(made) | {"weights": large}, path)
    refused(cli("recommend", path, "--out", out), 3, "m.pt", "so large")
    untouched(out)


def test_a_pickle_in_a_checkpoint_is_never_executed(made, tmp_path, cli):
    mark = tmp_path / "executed"
    document = document_of(made)
    for name in ("meta", "options", "history", "item_ids"):
        torch.save(document | {name: Trap(mark)}, tmp_path / "m.pt")
        for words in (
            ("recommend", tmp_path / "m.pt", "--out", "-"),
            ("inspect", tmp_path / "m.pt"),
        ):
            refused(cli(*words), 3, "m.pt")
    (tmp_path / "m.pt").write_bytes(pickle.dumps(Trap(mark)))
    refused(cli("recommend", tmp_path / "m.pt", "--out", "-"), 3, "m.pt")
    assert not mark.exists()


def test_a_checkpoint_that_is_compressed_or_has_a_second_list_is_refused(made, tmp_path):
    with (
        zipfile.ZipFile(made / "m.pt") as old,
        zipfile.ZipFile(tmp_path / "z.pt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
    refuses(load_checkpoint, tmp_path / "z.pt", "compressed")
    write(tmp_path / "two.pt", (made / "m.pt").read_bytes() + b"PK\x05\x06" + bytes(10))
    refuses(load_checkpoint, tmp_path / "two.pt")


BAD_STATES: dict[str, Any] = {
    "nothing": {},
    "another kind": 3,
    "no weights": {"weights": 3},
    "weights of nan": {"weights": {"user_factors": torch.full((9, 3), torch.nan)}},
    "half": {"weights": {}, "engine": {}, "stage": 0},
    "another stage": {
        "weights": "own",
        "engine": {},
        "stage": 99,
        "epoch": 0,
        "best": None,
        "waited": 0,
        "history": [],
    },
    "negative": {
        "weights": "own",
        "engine": {},
        "stage": -5,
        "epoch": -3,
        "best": None,
        "waited": 0,
        "history": [],
    },
    "another engine": {
        "weights": "own",
        "engine": {"optimizer": 3},
        "stage": 0,
        "epoch": 0,
        "best": None,
        "waited": 0,
        "history": [],
    },
    "another history": {
        "weights": "own",
        "engine": {},
        "stage": 0,
        "epoch": 0,
        "best": None,
        "waited": 0,
        "history": [{"a": 1}],
    },
    "another best": {
        "weights": "own",
        "engine": {},
        "stage": 0,
        "epoch": 1,
        "best": {"x": 1},
        "waited": "long",
        "history": [],
    },
}


@pytest.mark.parametrize("name", BAD_STATES)
def test_a_state_that_lies_is_refused(made, tmp_path, cli, monkeypatch, name):
    """What an interrupted run left, changed; the options and inputs are those of the run."""
    from mfcli.stages import resuming
    from mfcli.stages import train as stage

    def out_of_memory(*_: object, **__: object) -> None:
        raise MemoryError

    out, options = tmp_path / "m.pt", ("--epochs", "3", "--factors", "3", "--quiet")
    monkeypatch.setattr(resuming, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(resuming, "SAVE_SHARE", 1e9)
    monkeypatch.setattr(stage, "save_checkpoint", out_of_memory)
    assert cli("train", made / "train.npz", "--out", out, *options).exit_code == 8
    monkeypatch.undo()
    path = tmp_path / "m.pt.resume"
    document = torch.load(path, weights_only=True)
    state = BAD_STATES[name]
    if isinstance(state, dict) and state.get("weights") == "own":
        state = state | {"weights": document["state"]["weights"]}
    torch.save(document | {"state": state}, path)
    before = path.read_bytes()
    refused(
        cli("train", made / "train.npz", "--out", out, *options, "--resume"),
        3,
        "m.pt.resume",
        "without --resume",
    )
    assert not out.exists()
    assert path.read_bytes() == before
    result = cli("inspect", path)
    assert result.exit_code in (0, 3)
    del document["options"]
    torch.save(document, path)
    assert cli("inspect", path).exit_code == 3
    assert cli("train", made / "train.npz", "--out", out, *options, "--resume").exit_code == 3


# --- any bytes at all ----------------------------------------------------------------------------

LOADERS: dict[str, Callable[[Path], Any]] = {
    "train.npz": load_interactions,
    "m.pt": load_checkpoint,
    "m.json": load_metrics,
}


def damaged(content: bytes, data: st.DataObject) -> bytes:
    """Cut, overwrite, repeat or drop a piece, as a disk, a network or somebody might."""
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(changed) - 1)))
        length = data.draw(st.sampled_from([1, 1, 1, 4, 64, 4096]))
        kind = data.draw(st.sampled_from(["bit", "bytes", "cut", "drop", "repeat", "zero"]))
        if kind == "bit" and changed:
            changed[at] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "bytes":
            changed[at : at + 4] = data.draw(st.binary(min_size=1, max_size=8))
        elif kind == "cut":
            del changed[at:]
        elif kind == "drop":
            del changed[at : at + length]
        elif kind == "repeat":
            changed[at:at] = changed[at : at + length]
        else:
            changed[at : at + length] = bytes(length)
    return bytes(changed)


@pytest.mark.parametrize("name", LOADERS)
@BOUNDED
@given(data=st.data())
def test_a_damaged_artifact_is_refused_or_read(made, name, data):
    path = write(made / f"damaged-{name}", damaged((made / name).read_bytes(), data))
    for load in (LOADERS[name], inspect):
        message = f"{path}"
        try:
            load(path)
        except InputError as error:
            message = str(error)
        assert message.startswith(f"{path}")
        assert "\n" not in message


@BOUNDED
@given(
    content=st.binary(max_size=300),
    start=st.sampled_from(
        [
            b"",
            b"PK\x03\x04",
            b"PK\x05\x06",
            b"\x93NUMPY",
            b"{",
            b"user_id,item_id,rank,score\n",
            b"\x80\x02",
        ]
    ),
)
def test_any_bytes_are_no_artifact(made, content, start):
    path = write(made / "any", start + content)
    for load in (
        load_interactions,
        load_checkpoint,
        load_resume,
        load_weights,
        load_any,
        load_metrics,
        inspect,
    ):
        try:
            load(path)
        except InputError:
            continue
        assert load is inspect  # a CSV of anything is a table


def parquet_of(rows: int) -> bytes:
    stream = io.BytesIO()
    table = pa.table(
        {"user": ["a", "b"] * rows, "item": range(2 * rows), "rating": [1.0] * 2 * rows}
    )
    pyarrow.parquet.write_table(table, stream)
    return stream.getvalue()


def matrix() -> bytes:
    """Return a sparse matrix that SciPy saved."""
    stream = io.BytesIO()
    scipy.sparse.save_npz(stream, scipy.sparse.csr_matrix(np.eye(3)))
    return stream.getvalue()


def typed(kind: Format) -> bytes:
    """Return a table as Feather or ORC."""
    table = pa.table({"user": ["a", "b"] * 3, "item": range(6), "rating": [1.0] * 6})
    stream = io.BytesIO()
    if kind is Format.orc:
        pyarrow.orc.write_table(table, stream)
    else:
        pyarrow.feather.write_feather(table, stream)
    return stream.getvalue()


TABLES: dict[Format, bytes] = {
    Format.npz: matrix(),
    Format.feather: typed(Format.feather),
    Format.orc: typed(Format.orc),
    Format.mtx: b"%%MatrixMarket matrix coordinate real general\n%\n3 3 2\n1 3 2.5\n3 1 4\n",
    Format.netflix: b"1:\n7,3,2005-09-06\n8,5,2005-05-13\n2:\n7,4,2004-10-19\n",
    Format.csv: b"user,item,rating,timestamp\n" + b'"a,b",2,3.5,978300760\nb,3,1e0,5\n' * 4,
    Format.udata: b"1\t2\t3\t4\n5\t6\t7\t8\n" * 4,
    Format.dat: b"1::2::3::4\n5::6::7::8\n" * 4,
    Format.space: b"a b 3\nc d 4\n" * 4,
    Format.jsonl: b'{"user": 1, "item": "x", "rating": 2.5, "time": "2024-01-01"}\n' * 4,
    Format.adjacency: b"1 2 3 4 5 6\n2 3 4\n3 9\n",
    Format.recbole: b"user_id:token\titem_id:token\trating:float\n1\t2\t3\n" * 2,
    Format.parquet: parquet_of(3),
}
ODD = st.sampled_from(
    [
        b"\n",
        b"\r",
        b"\r\n",
        b",",
        b"\t",
        b"::",
        b'"',
        b"\0",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\xc3",
        b"\xe2\x80\xa8",
        b"nan",
        b"1e999",
        b"-",
        b" ",
        b"9" * 400,
        b"{",
        b"[",
        b"]",
        b'"\\ud800"',
        b"null",
        b"true",
        b"\x1f",
        b"\x1f\x8b",
        b"PK",
        b"2024-01-01",
        b"=1",
        b"\xed\xa0\x80",
    ]
)


@pytest.mark.parametrize("kind", TABLES, ids=str)
@BOUNDED
@given(data=st.data())
def test_any_bytes_as_a_table_are_read_or_refused(made, kind, data):
    content = TABLES[kind]
    if data.draw(st.booleans()):
        content = damaged(content, data)
    else:
        for piece in data.draw(st.lists(ODD, min_size=1, max_size=4)):
            at = data.draw(st.integers(0, len(content)))
            content = content[:at] + piece + content[at:]
    path = write(made / "any.table", content)
    for config in (FetchConfig(), FetchConfig(format=kind)):
        try:
            rows = read_any(str(path), config).rows()
        except (InputError, UsageError, SystemRefusedError):  # the last of Parquet that claims much
            continue
        assert len(rows.users) == len(rows.items) > 0
        assert rows.ratings is None or np.isfinite(rows.ratings).all()
        for ids in (rows.users, rows.items):
            assert ids.dtype == np.int64 or ids.dtype.kind == "U"
            [str(value).encode() for value in ids.tolist()]


@BOUNDED
@given(content=st.binary(max_size=200))
@example(b'{"user": "\\ud800", "item": 1}\n')
@example(b'{"\\ud800": 1, "user": 1, "item": 1}\n')
def test_any_bytes_as_a_source_are_read_or_refused(made, content):
    path = write(made / "any.source", content)
    for kind in (None, *TABLES):
        try:
            read_any(str(path), FetchConfig(format=kind))
        except (InputError, UsageError):
            continue


# --- other files ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        {"metrics": {"auc": 1e400}},
        {"counts": {"users": [1]}},
        {"meta": {"schema": 1, "lineage": 3}},
        {"metrics": [1]},
        {"meta": {"schema": 1, "lineage": [{"stage": "x", "options": 3}]}},
        {"protocol": {"a": {"b": [1, 2, {"c": None}]}}},
        {"metrics": {}},
        {"counts": {}},
    ],
    ids=str,
)
def test_a_metrics_file_of_other_types_is_shown_or_refused(made, tmp_path, cli, changed):
    content = json.loads((made / "m.json").read_text("utf-8")) | changed
    path = write(tmp_path / "m.json", json.dumps(content))
    assert cli("inspect", path).exit_code in (0, 3)


def test_an_archive_that_leads_out_is_refused_and_nothing_is_unpacked(cli, tmp_path):
    out = write(tmp_path / "d.npz", EARLIER)
    link = zipfile.ZipInfo("u.data")
    link.external_attr = (0o120777) << 16
    for name in ("../u.data", "/tmp/u.data", "a/../../u.data", "C:\\u.data", link):
        with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
            archive.writestr(name, b"1\t2\t3\t4\n")
        refused(cli("fetch", tmp_path / "set.zip", "--out", out), 3, "set.zip: is not safe")
        untouched(out)
    assert {path.name for path in tmp_path.iterdir()} == {"d.npz", "d.npz.lock", "set.zip"}


def test_a_matrix_read_while_it_is_replaced_is_one_or_the_other(tmp_path):
    """A reader that opened the old file reads it to its end."""
    path = tmp_path / "m.npz"
    save_interactions(path, interactions(6, 5, 0.5, 1).with_meta(meta_for("interactions", [])))
    before = load_interactions(path)
    descriptor = os.open(path, os.O_RDONLY)
    save_interactions(path, interactions(9, 5, 0.5, 2).with_meta(meta_for("interactions", [])))
    old = load_interactions(Path(f"/proc/self/fd/{descriptor}"))
    os.close(descriptor)
    assert old.n_users == before.n_users == 6
    assert load_interactions(path).n_users == 9
