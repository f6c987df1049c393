"""torch's format of arrays and plain values, read and written without torch: held against torch."""

from __future__ import annotations

import io
import math
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of_numpy

from mfcli.artifacts.tensors import read_archive, write_archive
from mfcli.artifacts.tensors.pickles import STORAGES

TEXTS = st.text(max_size=20)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | TEXTS
)
ARRAYS = st.sampled_from(sorted(STORAGES.values(), key=str)).flatmap(
    lambda dtype: arrays_of_numpy.arrays(
        dtype, arrays_of_numpy.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
    )
)
DOCUMENTS = st.recursive(
    SCALARS | ARRAYS,
    lambda parts: (
        st.lists(parts, max_size=4)
        | st.lists(parts, max_size=3).map(tuple)
        | st.dictionaries(TEXTS | st.integers(0, 9), parts, max_size=4)
    ),
    max_leaves=12,
)


def written(document: Any) -> bytes:
    stream = io.BytesIO()
    write_archive(stream, document)
    return stream.getvalue()


def read(path: Path, *, mapped: bool = False) -> Any:
    with path.open("rb") as stream:
        return read_archive(stream, mapped=mapped)[0]


def same(ours: Any, theirs: Any) -> bool:
    """Tell whether two documents agree, tensors standing for arrays in either."""
    ours, theirs = (
        value.detach().numpy() if isinstance(value, torch.Tensor) else value
        for value in (ours, theirs)
    )
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, np.ndarray):
        alike = ours.dtype == theirs.dtype and ours.shape == theirs.shape
        return alike and ours.tobytes() == theirs.tobytes()
    if isinstance(ours, dict):
        return list(ours) == list(theirs) and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list | tuple):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return bool(ours == theirs)


def tensors(document: Any) -> Any:
    """Return the document with tensors in place of arrays."""
    if isinstance(document, np.ndarray):
        return torch.from_numpy(document.copy())
    if isinstance(document, dict):
        return {key: tensors(part) for key, part in document.items()}
    if isinstance(document, list | tuple):
        return type(document)(tensors(part) for part in document)
    return document


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "document.pt"


@settings(deadline=None, max_examples=60)
@given(document=DOCUMENTS)
def test_torch_reads_what_is_written_and_what_torch_writes_is_read(
    tmp_path_factory: pytest.TempPathFactory, document: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "document.pt"
    path.write_bytes(written(document))
    assert path.read_bytes() == written(document)
    for mapped in (False, True):
        assert same(torch.load(path, weights_only=True, mmap=mapped), document)
        assert same(read(path, mapped=mapped), document)
    torch.save(tensors(document), path)
    for mapped in (False, True):
        assert same(read(path, mapped=mapped), document)


@pytest.mark.parametrize("largest", [0, 100, 1000, zipfile.ZIP64_LIMIT])
def test_sizes_of_64_bits_are_read_by_both(
    path: Path, monkeypatch: pytest.MonkeyPatch, largest: int
) -> None:
    """Members and places that 32 bits do not hold have another form in a zip."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", largest)
    document = {"a": np.arange(300, dtype=np.float32), "b": np.arange(5), "c": [1, "text"]}
    content = io.BytesIO()
    write_archive(content, document)
    path.write_bytes(content.getvalue())
    for mapped in (False, True):
        assert same(torch.load(path, weights_only=True, mmap=mapped), document)
        assert same(read(path, mapped=mapped), document)


def test_arrays_lie_where_they_can_be_mapped(path: Path) -> None:
    document = {str(n): np.arange(n, dtype=np.uint8) for n in range(70)}
    path.write_bytes(written(document))
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name, extra = struct.unpack_from("<HH", content, info.header_offset + 26)
            assert (info.header_offset + 30 + name + extra) % 64 == 0
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.date_time == (1980, 1, 1, 0, 0, 0)


def test_what_is_mapped_stays_as_it_is_in_the_file(path: Path) -> None:
    path.write_bytes(written({"a": np.zeros(100)}))
    before = path.read_bytes()
    found = read(path, mapped=True)["a"]
    assert not found.flags.owndata
    found[:] = 1
    assert path.read_bytes() == before


def test_parameters_and_views_of_one_memory_are_read(path: Path) -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    document = {"p": torch.nn.Parameter(torch.ones(2, 3)), "whole": whole, "row": whole[1]}
    torch.save(OrderedDict(document), path)
    found = read(path)
    assert type(found) is dict
    assert same(found, {name: entry.detach() for name, entry in document.items()})
    assert np.shares_memory(found["whole"], found["row"])


def test_bytes_of_another_order_are_turned_round(path: Path) -> None:
    """A file of a machine that is big-endian."""
    array = np.arange(6, dtype=np.int32).reshape(2, 3)
    torch.save({"a": torch.from_numpy(array)}, path)
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    members[next(name for name in members if name.endswith("byteorder"))] = b"big"
    at = next(name for name in members if name.endswith("data/0"))
    members[at] = array.byteswap().tobytes()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert same(read(path), {"a": array})


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        b"bytes",
        1j,
        np.ones(2, np.complex64),
        np.array(["text"]),
        np.array([None]),
        np.ones(2, np.bool_),
        np.float32(1),
        torch.ones(2),
    ],
)
def test_values_of_other_kinds_are_not_written(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot be saved"):
        written({"a": [value]})


class Evil:
    def __reduce__(self) -> Any:
        return (print, ("executed",))


def rebuilt(*arguments: Any, numel: int = 6, key: str = "0", kind: str = "FloatStorage") -> bytes:
    """Return the pickle of one tensor with these arguments after its memory."""
    storage = (
        b"(" + pickle.BINUNICODE + b"\x07\0\0\0storage" + f"ctorch\n{kind}\n".encode()
        + pickle.BINUNICODE + struct.pack("<I", len(key)) + key.encode()
        + pickle.BINUNICODE + b"\x03\0\0\0cpu" + pickle.BININT + struct.pack("<i", numel) + b"tQ"
    )  # fmt: skip
    rest = b"".join(pickle.dumps(part, 2)[2:-1] for part in arguments)
    return b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + storage + rest + b"tR."


def put(path: Path, pickled: bytes) -> None:
    """Write an archive with this pickle, and 24 bytes of memory under 0."""
    members = {"data.pkl": pickled, "byteorder": b"little", "data/0": bytes(24), "version": b"3\n"}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"archive/{name}", content)


def test_a_tensor_made_by_hand_is_read(path: Path) -> None:
    put(path, rebuilt(0, (2, 3), (3, 1), False, {}))
    assert read(path).shape == (2, 3)
    put(path, rebuilt(5, (1,), (77,), False, {}))
    assert read(path).shape == (1,)


HOSTILE: dict[str, bytes] = {
    "an expanded tensor": rebuilt(0, (1000, 6), (0, 1), False, {}),
    "a transposed tensor": rebuilt(0, (2, 3), (1, 2), False, {}),
    "an offset beyond its memory": rebuilt(1, (2, 3), (3, 1), False, {}),
    "an offset before its memory": rebuilt(-1, (2, 3), (3, 1), False, {}),
    "a size that is negative": rebuilt(0, (-2, -3), (3, 1), False, {}),
    "a size that is huge": rebuilt(0, (2**62, 2**62), (2**62, 1), False, {}),
    "a size of another kind": rebuilt(0, (2.0, 3), (3, 1), False, {}),
    "a size that is true": rebuilt(0, (True, 3), (3, 1), False, {}),
    "more strides than sizes": rebuilt(0, (2, 3), (3, 1, 1), False, {}),
    "no size": rebuilt(0),
    "more memory than there is": rebuilt(0, (2, 3), (3, 1), False, {}, numel=7),
    "less memory than there is": rebuilt(0, (2,), (1,), False, {}, numel=2),
    "memory that is not there": rebuilt(0, (2, 3), (3, 1), False, {}, key="1"),
    "memory outside of the data": rebuilt(0, (2, 3), (3, 1), False, {}, key="../version"),
    "memory of another kind": rebuilt(0, (2, 3), (3, 1), False, {}, kind="BFloat16Storage"),
    "a call of another function": pickle.dumps(Evil(), 2),
    "a call of what is no function": b"\x80\x02K\x01)R.",
    "a call of a kind of memory": b"\x80\x02ctorch\nFloatStorage\n)R.",
    "another protocol": pickle.dumps({"a": [1]}, 4),
    "a set": pickle.dumps({1}, 2),
    "bytes": pickle.dumps(b"1", 3),
    "a number of 2 ** 3000 digits": b"\x80\x02\x8b\xff\xff\xff\x7f.",
    "a state that is set": b"\x80\x02ccollections\nOrderedDict\n)R}b.",
    "a list with keys": b"\x80\x02](K\x00K\x01u.",
    "an array with keys": rebuilt(0, (6,), (1,), False, {})[:-1] + b"K\x00K\x01s.",
    "a key that cannot be one": b"\x80\x02}]K\x01s.",
    "a text that is cut off": b"\x80\x02X\xff\xff\xff\x7fa.",
    "a place that is empty": b"\x80\x02h\x05.",
    "nothing": b"",
    "no end": b"\x80\x02}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_pickle_that_lies_or_calls_is_refused(
    path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    put(path, HOSTILE[name])
    for mapped in (False, True):
        with pytest.raises(Exception) as error:  # noqa: PT011 - whatever Python says of such bytes
            read(path, mapped=mapped)
        assert not isinstance(error.value, MemoryError | RecursionError)
    assert capsys.readouterr().out == ""


def test_a_place_that_claims_memory_takes_none(path: Path) -> None:
    """Python's reader in C would allocate a list of four thousand million places."""
    put(path, b"\x80\x02}r\xff\xff\xff\xff.")
    assert read(path) == {}


@pytest.mark.parametrize("missing", ["data.pkl", "version", "data/0"])
def test_an_archive_that_lacks_a_member_is_refused(path: Path, missing: str) -> None:
    content = written({"a": np.ones(3)})
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(path, "w") as new,
    ):
        for info in old.infolist():
            if info.filename != f"archive/{missing}":
                new.writestr(info.filename, old.read(info))
    with pytest.raises((zipfile.BadZipFile, KeyError)):
        read(path)


@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: text + b"\0"])
def test_an_archive_that_is_cut_or_has_more_after_it_is_refused(
    path: Path, change: Callable[[bytes], bytes]
) -> None:
    path.write_bytes(change(written({"a": np.ones(3)})))
    with pytest.raises((zipfile.BadZipFile, ValueError)):
        read(path)


def test_numbers_that_are_no_numbers_come_back(path: Path) -> None:
    path.write_bytes(written([math.nan, math.inf, -math.inf, -0.0, np.float64(0.1)]))
    found = read(path)
    assert math.isnan(found[0])
    assert found[1:3] == [math.inf, -math.inf]
    assert math.copysign(1, found[3]) == -1
    assert type(found[4]) is float
