"""Archives are read as streams, and what is unsafe or endless in them is refused."""

from __future__ import annotations

import gzip
import io
import stat
import zipfile
from pathlib import Path

import pytest

from mfcli.artifacts.unpacking import Limits, open_gzip
from mfcli.artifacts.zips import open_member, zip_members
from mfcli.errors import InputError

TEXT = b"1,2,3\n" * 1000
SMALL = Limits(members=5, total=10_000, ratio=20, free=1_000)


def make(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "set.zip"


def test_members_are_listed_and_read(path: Path) -> None:
    members = zip_members(make(path, ("ml/", b""), ("ml/u.data", TEXT), ("ml/README", b"x")))
    assert list(members) == ["ml/u.data", "ml/README"]
    with open_member(path, members["ml/u.data"]) as stream:
        assert stream.read() == TEXT
    assert stream.closed


@pytest.mark.parametrize(
    "name",
    [
        "../u.data",
        "a/../../u.data",
        "/etc/u.data",
        "..\\u.data",
        "C:\\u.data",
        "C:u.data",
        "\\\\host\\u.data",
    ],
)
def test_a_member_outside_of_the_folder_is_refused(path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"set\.zip: is not safe"):
        zip_members(make(path, (name, TEXT)))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_are_refused(path: Path, kind: int) -> None:
    info = zipfile.ZipInfo("u.data")
    info.external_attr = (kind | 0o777) << 16
    with pytest.raises(InputError, match="link or a device"):
        zip_members(make(path, (info, b"/etc/passwd")))


def test_an_encrypted_member_is_refused(path: Path) -> None:
    make(path, ("u.data", TEXT))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="encrypted"):
        zip_members(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_refused(path: Path) -> None:
    with pytest.raises(InputError, match="twice"):
        zip_members(make(path, ("u.data", b"1"), ("u.data", b"2")))


def test_too_many_members_are_refused(path: Path) -> None:
    make(path, *((f"{number}.csv", b"x") for number in range(6)))
    with pytest.raises(InputError, match="6 files, more than the 5"):
        zip_members(path, SMALL)


def test_too_much_in_all_is_refused(path: Path) -> None:
    with pytest.raises(InputError, match="beyond what is allowed"):
        zip_members(make(path, ("a", bytes(range(256)) * 30), ("b", bytes(range(256)) * 30)), SMALL)


def test_too_high_a_ratio_is_refused(path: Path) -> None:
    with pytest.raises(InputError, match="20-fold"):
        zip_members(make(path, ("bomb.csv", b"0" * 9_000)), SMALL)


def test_a_size_that_lies_does_not_get_more_out(path: Path) -> None:
    """The header says 10 bytes, the stream holds 50,000: no more come, and then an error."""
    make(path, ("u.data", b"12345" * 10_000))
    content = bytearray(path.read_bytes())
    for magic, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.index(magic) + place
        content[at : at + 4] = (10).to_bytes(4, "little")
    path.write_bytes(content)
    members = zip_members(path)
    with open_member(path, members["u.data"]) as stream, pytest.raises(InputError, match="damaged"):
        assert len(stream.read()) <= 10


@pytest.mark.parametrize("cut", [10, 100, -30])
def test_a_cut_zip_is_refused(path: Path, cut: int) -> None:
    make(path, ("u.data", TEXT))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match="not a complete zip"):
        zip_members(path)


def test_a_damaged_member_is_refused_as_it_is_read(path: Path) -> None:
    make(path, ("u.data", bytes(range(256)) * 100))
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(content)
    members = zip_members(path)
    with open_member(path, members["u.data"]) as stream, pytest.raises(InputError, match="damaged"):
        stream.read()


def test_gzip_is_read_as_a_stream() -> None:
    packed = io.BytesIO(gzip.compress(TEXT) + gzip.compress(b"more"))
    with open_gzip(packed, "a.gz") as stream:
        assert stream.read() == TEXT + b"more"
    assert packed.closed


@pytest.mark.parametrize("cut", [3, 15, -1, -9])
def test_a_cut_gzip_is_refused(cut: int) -> None:
    packed = io.BytesIO(gzip.compress(TEXT)[:cut])
    with open_gzip(packed, "a.gz") as stream, pytest.raises(InputError, match=r"a\.gz: is damaged"):
        stream.read()


@pytest.mark.parametrize(
    "limits", [SMALL, Limits(members=1, total=1 << 30, ratio=50, free=100_000)]
)
def test_a_gzip_bomb_is_stopped_as_it_unpacks(limits: Limits) -> None:
    packed = io.BytesIO(gzip.compress(b"0" * 20_000_000))
    with open_gzip(packed, "a.gz", limits) as stream, pytest.raises(InputError, match="allowed"):
        stream.read()
    assert packed.closed
