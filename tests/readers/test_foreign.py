"""What is not read is refused by its name, with the way out."""

from __future__ import annotations

import gzip
import io
import pickle
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mfcli.errors import InputError
from mfcli.sources.reading import read_any


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return stream.getvalue()


def array() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.eye(3))
    return stream.getvalue()


def tar() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        content = b"1,2,3\n"
        info = tarfile.TarInfo("ratings.csv")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def database(tmp_path: Path) -> bytes:
    path = tmp_path / "made"
    connection = sqlite3.connect(path)
    connection.execute("create table t (a)")
    connection.commit()
    connection.close()
    return path.read_bytes()


BINARY = {
    "r.pkl": (pickle.dumps([1, 2]), "pickle, which can run any program.*to_parquet"),
    "r.pickle": (pickle.dumps({"a": 1}, protocol=0), "pickle"),
    "r.joblib": (b"x\x9c\0\0\0abc", "pickle"),
    "unnamed": (pickle.dumps([1, 2], protocol=4), "pickle"),
    "r.xlsx": (zipped("[Content_Types].xml", "xl/workbook.xml"), "Excel workbook: save .* CSV"),
    "r.ods": (zipped("mimetype", "content.xml"), "OpenDocument"),
    "m.pt": (zipped("m/data.pkl", "m/version"), "PyTorch"),
    "r.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "Excel workbook"),
    "r.h5": (b"\x89HDF\r\n\x1a\n" + b"\0" * 60, "HDF5.*read_hdf"),
    "r.dta": (b"<stata_dta><header>", "Stata.*read_stata"),
    "old.dta": (b"r\x02\x01\0\x05\0", "Stata"),
    "r.sas7bdat": (b"\0" * 12 + b"\xc2\xea\x81\x60" + b"\0" * 90, "SAS"),
    "r.sav": (b"$FL2@(#)", "SPSS"),
    "r.rds": (gzip.compress(b"X\n\0\0\0\x03\0\x04"), "file of R.*write.csv"),
    "r.RData": (gzip.compress(b"RDX3\nX\n\0\0\0"), "file of R"),
    "r.avro": (b"Obj\x01\x04\x16", "Avro"),
    "r.npy": (array(), "dense NumPy array.*save_npz"),
    "r.7z": (b"7z\xbc\xaf\x27\x1c", "7z x"),
    "r.rar": (b"Rar!\x1a\x07", "unrar"),
    "r.tar.gz": (tar(), "tar -xf"),
    "r.csv.zst": (b"\x28\xb5\x2f\xfd\0", "unzstd"),
    "r.csv.bz2": (b"BZh91AY", "bunzip2"),
    "r.csv.xz": (b"\xfd7zXZ\0", "unxz"),
    "r.bin": (b"\x07\0\0\0\x09", "binary file of an unknown format"),
}
TEXT = {
    "r.json": ('[{"user": 1, "item": 2}]', r"JSON array.*jq -c '\.\[\]'"),
    "pretty.json": ("[\n  {\n", "JSON array"),
    "columns.json": ('{"user": {"0": 1}, "item": {"0": 2}}', "one JSON document of columns"),
    "split.json": ('{"columns":["user"],"data":[[1]]}', "one JSON document of columns"),
    "lines.json": ('{\n  "user": 1\n}\n', "JSON document of several lines"),
    "loose.json": ("{u'user': u'x', 'item': 1}\n", "Python's dicts.*literal_eval"),
    "r.sql": ("-- MySQL dump 10.13\n--\nINSERT INTO `r` VALUES (1,2);\n", "dump of a database"),
    "r2.sql": ("CREATE TABLE ratings (\n", "dump of a database"),
    "frame.html": ('<table border="1">\n  <thead>\n', "web page"),
    "page.csv": ("<!DOCTYPE html>\n<html>\n", "web page"),
    "lfs.csv": ("version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
    "r.arff": ("@relation ratings\n@attribute user numeric\n", "ARFF"),
}


@pytest.mark.parametrize("name", BINARY)
def test_a_binary_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    content, words = BINARY[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_any(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_a_database_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "r.db").write_bytes(database(tmp_path))
    with pytest.raises(InputError, match=r"SQLite.*-csv"):
        read_any(str(tmp_path / "r.db"))


@pytest.mark.parametrize("name", TEXT)
def test_text_that_is_no_table_is_refused_by_name(tmp_path: Path, name: str) -> None:
    content, words = TEXT[name]
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=words):
        read_any(str(tmp_path / name))


def test_the_only_file_of_a_folder_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "r.xlsx").write_bytes(BINARY["r.xlsx"][0])
    (tmp_path / "README.md").write_text("x")
    with pytest.raises(InputError, match="Excel"):
        read_any(str(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        '{"_id": {"$oid": "5"}, "user": 1, "item": 2}\n' * 2,
        '{"style": {"Size:": "x"}, "user": 1, "item": 2}\n' * 3,
    ],
)
def test_json_lines_that_begin_with_an_object_are_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text + "\n")
    assert read_any(str(tmp_path / "r.json")).format == "jsonl"
