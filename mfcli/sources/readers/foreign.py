"""What is not read, by its first bytes, its first line or its name: the reason with the way out."""

from __future__ import annotations

import json
import re

from mfcli.errors import InputError
from mfcli.sources.readers.cells import NoRowsError
from mfcli.sources.readers.text import Head

_PANDAS = "write it as Parquet or CSV first (pandas: {call})"
_PICKLE = (
    "is a pickle, which can run any program as it is read: load it where you trust it, and write "
    "a table (DataFrame: to_parquet; sparse matrix: scipy.sparse.save_npz)"
)
_EXCEL = "is an Excel workbook: save the sheet as CSV (File, Save As) and give that"
_R = "is a file of R: write a table first (R: write.csv(x, 'ratings.csv', row.names = FALSE))"
_HDF = (
    "is an HDF5 file: write the table as Parquet or CSV first (pandas: "
    "read_hdf(…).to_parquet('ratings.parquet'))"
)
_SQLITE = (
    "is an SQLite database: export the table first (sqlite3 -header -csv FILE 'select …' > "
    "ratings.csv)"
)
_AVRO = "is an Avro file: export it as Parquet or CSV first"
_STATA = f"is a Stata file: {_PANDAS.format(call='read_stata(…).to_parquet(…)')}"
_SAS = f"is a SAS file: {_PANDAS.format(call='read_sas(…).to_parquet(…)')}"
_SPSS = f"is an SPSS file: {_PANDAS.format(call='read_spss(…).to_parquet(…)')}"
_DUMP = "is a dump of a database: load it there, and export the table as CSV"
_NUMPY = (
    "is a dense NumPy array, where a 0 may be a rating or none: write the ratings as a sparse "
    "matrix (scipy.sparse.save_npz) or as a table of user, item, rating"
)

# How a file begins → what it is.
_BYTES = (
    (b"\x1f\x8b", "is compressed twice (gzip): unpack it first"),
    (b"PK\x03\x04", "holds an archive within an archive: unpack it first"),
    (b"BZh", "is compressed with bzip2: unpack it first (bunzip2)"),
    (b"\xfd7zXZ", "is compressed with xz: unpack it first (unxz)"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd: unpack it first (unzstd)"),
    (b"\x04\x22\x4d\x18", "is compressed with lz4: unpack it first (unlz4)"),
    (b"7z\xbc\xaf", "is a 7z archive: unpack it first (7z x) and give the file or the folder"),
    (b"Rar!", "is a RAR archive: unpack it first (unrar x) and give the file or the folder"),
    (b"\x89HDF", _HDF),
    (b"SQLite format 3", _SQLITE),
    (b"\x93NUMPY", _NUMPY),
    (b"Obj\x01", _AVRO),
    (b"FEA1", "is a Feather file of the first version: write it again with a newer pandas"),
    (b"\xd0\xcf\x11\xe0", _EXCEL),
    (b"RDX", _R),
    (b"RDA", _R),
    (b"X\n\0\0\0", _R),
    (b"<stata_dta>", _STATA),
    (b"$FL2", _SPSS),
    (b"$FL3", _SPSS),
    (b"\0" * 12 + b"\xc2\xea\x81\x60", _SAS),
    (b"PGDMP", _DUMP),
    (b"MATLAB 5.0", "is a file of MATLAB: write it with scipy.sparse.save_npz or mmwrite first"),
    (b"\xff\xfe", "is UTF-16 text: convert it first (iconv -f UTF-16 -t UTF-8)"),
    (b"\xfe\xff", "is UTF-16 text: convert it first (iconv -f UTF-16 -t UTF-8)"),
    (b"%PDF", "is a PDF document, not a table"),
    (b"\x89PNG", "is a picture, not a table"),
    (b"\xff\xd8\xff", "is a picture, not a table"),
)
# How a pickle of a protocol since the second begins; the first ones are known by their name.
_PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 8))

# How the first line of a text begins (lower case) → what it is.
_JSON_ARRAY = (
    "is a JSON array: write JSON lines, one object a line, first (jq -c '.[]' FILE > ratings.jsonl)"
)
_JSON_COLUMNS = (
    r"\{\s*\"[^\"]*\"\s*:\s*[{\[]",
    (
        "is one JSON document of columns rather than an object a line: write a table first "
        "(pandas: read_json(…).to_csv('ratings.csv', index=False))"
    ),
)
_WEB_PAGE = "is a web page or XML, not a table: get the file that the page links to"
_TEXTS = (
    (r"\[", _JSON_ARRAY),
    (r"<!doctype|<html|<\?xml|<head|<body|<rss|<table", _WEB_PAGE),
    (
        r"\{u?'",
        (
            "holds Python's dicts rather than JSON (single quotes): write JSON lines first "
            "(Python: json.dumps(ast.literal_eval(line)) for each line)"
        ),
    ),
    (r"\{\s*\Z", "is a JSON document of several lines: write one object a line first (jq -c)"),
    (
        r"-- .*dump|/\*!\d{5}|(create|drop|insert|lock) (table|into|database)|begin transaction",
        _DUMP,
    ),
    (r"@relation\b", f"is a Weka file (ARFF): {_PANDAS.format(call='scipy.io.arff.loadarff')}"),
    (
        r"version https://git-lfs\.github\.com",
        "is a pointer of Git LFS: get the file itself (git lfs pull)",
    ),
)
# How a binary file is called that nothing else tells.
_ENDINGS = (
    ((".pkl", ".pickle", ".joblib", ".pck"), _PICKLE),
    ((".xlsx", ".xls", ".xlsb", ".xlsm"), _EXCEL),
    ((".rds", ".rdata", ".rda"), _R),
    ((".h5", ".hdf5", ".hdf"), _HDF),
    ((".dta",), _STATA),
    ((".sas7bdat", ".xpt"), _SAS),
    ((".sav",), _SPSS),
    ((".avro",), _AVRO),
    ((".db", ".sqlite", ".sqlite3"), _SQLITE),
    ((".npy",), _NUMPY),
    ((".mat",), "is a file of MATLAB: write it with scipy.sparse.save_npz or mmwrite first"),
    ((".tfrecord", ".tfrecords"), "holds records of TensorFlow: write them as a table first"),
)


def refuse_foreign(head: Head) -> None:
    """Raise InputError for a file that is not text, and say what it is."""
    content, name = head.content, head.name
    for magic, reason in _BYTES:
        if content.startswith(magic):
            raise InputError(f"{name}: {reason}")
    if content.startswith(_PICKLES) or name.lower().endswith(_ENDINGS[0][0]):
        raise InputError(f"{name}: {_PICKLE}")
    if content[257:262] == b"ustar":
        raise InputError(
            f"{name}: is a tar archive: unpack it first (tar -xf) and give the file or the folder"
        )
    if b"\0" in content[:4096]:
        found = (reason for endings, reason in _ENDINGS if name.lower().endswith(endings))
        raise InputError(f"{name}: {next(found, 'is a binary file of an unknown format')}")


def refuse_foreign_text(head: Head) -> None:
    """Raise InputError for text that is not a table, and say what it is."""
    if not head.lines:
        raise NoRowsError(f"{head.name}: holds no rows")
    first = head.lines[0].strip().lower()
    if len(head.lines) == 1 and re.match(_JSON_COLUMNS[0], first) and _is_of_columns(head):
        raise InputError(f"{head.name}: {_JSON_COLUMNS[1]}")
    for pattern, reason in _TEXTS:
        if re.match(pattern, first):
            raise InputError(f"{head.name}: {reason}")


def _is_of_columns(head: Head) -> bool:
    """Tell one JSON document whose values are columns from a single row; one that is cut is."""
    if not head.whole:
        return True
    try:
        values = json.loads(head.lines[0])
    except (ValueError, RecursionError):
        return False  # the reader says what is wrong
    return isinstance(values, dict) and all(
        isinstance(value, dict | list) for value in values.values()
    )
