"""What a file is, by its first bytes: its format and, for tables of text, how it is laid out."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from mfcli.config.stages import FetchConfig, Format, parse_columns
from mfcli.errors import InputError
from mfcli.sources.readers.columns import by_name, by_place, role_of
from mfcli.sources.readers.source import BOM

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_INTEGER = re.compile(r"-?\d+\Z", re.ASCII)
_NEGATIVES = re.compile(r"\([^,()\s]+,\s*[^,()\s]+\)\s+\S")
_RECBOLE = re.compile(r"[^:\s]+:(token|float|token_seq|float_seq)\Z")
# csv.QUOTE_MINIMAL and csv.QUOTE_NONE, which are plain integers to mypy.
QUOTING: dict[bool, Literal[0, 3]] = {True: 0, False: 3}
_SEPARATOR = "\x1f"  # stands for :: and for runs of spaces, which Arrow cannot split at

_FOREIGN = (
    (b"\x1f\x8b", "is compressed twice (gzip): unpack it first"),
    (b"PK\x03\x04", "holds an archive within an archive: unpack it first"),
    (b"BZh", "is compressed with bzip2: unpack it first (bunzip2)"),
    (b"\xfd7zXZ", "is compressed with xz: unpack it first (unxz)"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd: unpack it first (unzstd)"),
    (b"7z\xbc\xaf", "is a 7z archive: unpack it first"),
    (b"Rar!", "is a RAR archive: unpack it first"),
    (b"\x89HDF", "is an HDF5 file: write it as CSV or Parquet first"),
    (b"SQLite format 3", "is an SQLite database: export the table as CSV first"),
    (b"\xff\xfe", "is UTF-16 text: convert it first (iconv -f UTF-16 -t UTF-8)"),
    (b"\xfe\xff", "is UTF-16 text: convert it first (iconv -f UTF-16 -t UTF-8)"),
    (b"%PDF", "is a PDF document, not a table"),
)


@dataclass(frozen=True)
class Dialect:
    """How a table of text is laid out; ``places`` maps user, item, rating, time to columns."""

    format: Format
    delimiter: str
    quoted: bool
    header: bool
    names: tuple[str, ...] | None
    width: int
    places: Mapping[str, int]

    @property
    def change(self) -> Callable[[bytes], bytes] | None:
        """What turns whole lines into lines that one character separates; None: they are."""
        return _CHANGES.get(self.format)


def _spaces(text: bytes) -> bytes:
    text = re.sub(rb"[ \t]+", _SEPARATOR.encode(), text)
    return re.sub(rb"(?m)^\x1f|\x1f(?=\r?$)", b"", text)


_CHANGES: dict[Format, Callable[[bytes], bytes]] = {
    Format.dat: lambda text: text.replace(b"::", _SEPARATOR.encode()),
    Format.space: _spaces,
}


def find_format(head: bytes, whole: bool, name: str) -> Format:
    """Return the format that the first bytes of a file show; raises InputError if none does."""
    if head.startswith(b"PAR1"):
        return Format.parquet
    refuse_foreign(head, name)
    lines = text_lines(head, whole)
    if not lines:
        raise InputError(f"{name}: holds no rows")
    first = lines[0].strip()
    if first.startswith("{"):
        return Format.jsonl
    if first.startswith("["):
        raise InputError(f"{name}: is a JSON array: write one JSON object a line (JSON lines)")
    if first.lower().startswith(("<!doctype", "<html", "<?xml")):
        raise InputError(f"{name}: is a web page or XML, not a table")
    if _NEGATIVES.match(first):
        return Format.negatives
    if "\t" in first and all(_RECBOLE.match(each) for each in first.split("\t")):
        return Format.recbole
    if "::" in first and sum("::" in each for each in lines) > len(lines) / 2:
        return Format.dat
    return _table_format(lines, head, whole, name)


def refuse_foreign(head: bytes, name: str) -> None:
    """Raise InputError for a file that is no text, and say what it is."""
    for magic, reason in _FOREIGN:
        if head.startswith(magic):
            raise InputError(f"{name}: {reason}")
    if head[257:262] == b"ustar":
        raise InputError(f"{name}: is a tar archive: unpack it first (tar -xf)")
    if b"\0" in head[:4096]:
        raise InputError(f"{name}: is a binary file of no known format")


def _table_format(lines: list[str], head: bytes, whole: bool, name: str) -> Format:
    widths = {
        delimiter: [len(each) for each in records(head, whole, delimiter, delimiter != "\t")]
        for delimiter in ("\t", ",", ";", "|")
    }
    steady = {key: each[0] for key, each in widths.items() if each and len(set(each)) == 1}
    best = max(steady, key=lambda key: steady[key], default="\t")
    if steady.get(best, 1) >= 2:
        return Format.tsv if best == "\t" else Format.csv
    tokens = [each.split() for each in lines]
    if _is_adjacency(tokens):
        return Format.adjacency
    counts = {len(each) for each in tokens}
    if len(counts) == 1 and counts != {1} and not any("," in each for each in lines):
        return Format.space
    # Ragged: the reader of the likeliest format says on which line.
    for delimiter, kind in (
        ("\t", Format.tsv),
        (",", Format.csv),
        (";", Format.csv),
        ("|", Format.csv),
        (" ", Format.space),
    ):
        if sum(delimiter in each for each in lines) > len(lines) / 2:
            return kind
    raise InputError(
        f"{name}: no column separator is found on its first line {lines[0][:40]!r}: choose with "
        "--format"
    )


def _is_adjacency(tokens: list[list[str]]) -> bool:
    """Tell lines of one user and his items from a table of fixed width."""
    counts = Counter(len(each) for each in tokens)
    if max(counts) < 2 or not all(_INTEGER.match(cell) for line in tokens for cell in line):
        return False
    if len(counts) == 1:
        return max(counts) > 4
    # A table with a few short lines has one width nearly everywhere, and users more than once.
    first = [line[0] for line in tokens]
    usual = counts.most_common(1)[0]
    return len(set(first)) == len(first) and not (2 < usual[0] <= 4 and usual[1] > 0.7 * len(first))


def text_lines(head: bytes, whole: bool) -> list[str]:
    """Return the whole lines at the beginning of a file that are not blank."""
    lines = re.split(r"\r\n|\n|\r", decode(head))
    if not whole and len(lines) > 1:
        lines.pop()
    return [each for each in lines if each.strip()]


def decode(head: bytes) -> str:
    """Decode UTF-8, or Latin-1 if it is not, without a byte-order mark."""
    head = head.removeprefix(BOM)
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end >= len(head) - 3 and error.reason == "unexpected end of data":
            return head[: error.start].decode("utf-8")
        return head.decode("latin-1")


def records(head: bytes, whole: bool, delimiter: str, quoted: bool) -> list[list[str]]:
    """Return the whole records at the beginning of a file, blank lines left out."""
    text = io.StringIO(decode(head), newline="")
    found: list[list[str]] = []
    try:
        found.extend(csv.reader(text, delimiter=delimiter, quoting=QUOTING[quoted]))
    except csv.Error:
        return []
    if not whole and len(found) > 1:
        found.pop()
    return [each for each in found if each]


def find_dialect(
    head: bytes, whole: bool, format: Format, config: FetchConfig, name: str
) -> Dialect:
    """Return how a table of text of a known format is laid out; raises InputError, UsageError."""
    delimiter = _delimiter(head, whole, format)
    change = _CHANGES.get(format)
    start = change(head.removeprefix(BOM)) if change else head
    quoted = format is Format.csv or (format is Format.tsv and _is_quoted(head, whole))
    rows = records(start, whole, delimiter, quoted)
    if not rows:
        raise InputError(f"{name}: holds no rows")
    chosen = parse_columns(config.columns)
    width = len(rows[0])
    header = config.header
    if format is Format.recbole:
        header = True
        rows[0] = [each.rpartition(":")[0] or each for each in rows[0]]
    elif format is Format.udata:
        header = False
    elif header is None:
        header = _has_header(rows, chosen)
    if header:
        names = tuple(each.strip() for each in rows[0])
        places = by_name(names, chosen, name)
        return Dialect(format, delimiter, quoted, True, names, width, places)
    return Dialect(format, delimiter, quoted, False, None, width, by_place(width, chosen, name))


def _delimiter(head: bytes, whole: bool, format: Format) -> str:
    if format in (Format.dat, Format.space):
        return _SEPARATOR
    if format is not Format.csv:
        return "\t"
    widths = {each: records(head, whole, each, quoted=True) for each in (",", ";", "|")}
    steady = {each: rows for each, rows in widths.items() if len({len(row) for row in rows}) == 1}
    if best := [each for each, rows in steady.items() if len(rows[0]) > 1]:
        return max(best, key=lambda each: len(steady[each][0]))
    return max(widths, key=lambda each: sum(len(row) > 1 for row in widths[each]))


def _is_quoted(head: bytes, whole: bool) -> bool:
    """Tell whether a cell of the first line stands wholly in quotes."""
    cells = records(head, whole, "\t", quoted=False)[:1]
    return any(len(cell) > 1 and cell[0] == cell[-1] == '"' for row in cells for cell in row)


def _has_header(rows: list[list[str]], chosen: Mapping[str, str]) -> bool:
    first, rest = rows[0], rows[1:200]
    if any(not each.isdigit() for each in chosen.values()):
        return True
    if any(role_of(each) in ("user", "item") for each in first):
        return True
    return any(
        not _NUMBER.match(cell.strip())
        and bool(rest)
        and all(len(row) > place and _NUMBER.match(row[place].strip()) for row in rest)
        for place, cell in enumerate(first)
    )
