"""A table reads the same in whatever dialect it is written."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mfcli.config import FetchConfig
from mfcli.errors import InputError
from mfcli.sources.reading import read_any

HEADER = ("user_id", "item_id", "note", "rating")
QUOTING: dict[str, Literal[0, 1, 3]] = {"minimal": 0, "all": 1, "none": 3}  # as csv numbers them

plain = st.text("abcdeéüß01 '&", min_size=1, max_size=8).map(str.strip).filter(bool)
# What a cell has to be quoted for, and what a play log has in its titles.
titles = plain | st.sampled_from(['7" single', "a, b", "a; b", 'the "x" file', "x|y"])
notes = titles | st.just("") | st.sampled_from(["two\nlines", "a\n\nb, c"])
rows = st.lists(
    st.tuples(plain.map("u".__add__), titles, notes, st.integers(1, 5).map(str)),
    min_size=1,
    max_size=12,
)


def written(
    table: Sequence[tuple[str, ...]], delimiter: str, quoting: str, end: str, header: bool
) -> str | None:
    """Return the table as text; None where the dialect has no way to write it."""
    text = io.StringIO(newline="")
    writer = csv.writer(
        text, delimiter=delimiter, quoting=QUOTING[quoting], lineterminator=end, quotechar='"'
    )
    cells = [cell for row in table for cell in row]
    if quoting == "none" and any(character in cell for cell in cells for character in (
        delimiter, '"', "\n"
    )):  # fmt: skip
        return None
    writer.writerows([HEADER, *table] if header else table)
    return text.getvalue()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows,
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(list(QUOTING)),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_a_table_reads_the_same_in_every_dialect(
    tmp_path: Path,
    table: list[tuple[str, ...]],
    delimiter: str,
    quoting: str,
    end: str,
    encoding: str,
) -> None:
    text = written(table, delimiter, quoting, end, header=True)
    if text is None:
        return
    path = tmp_path / "table.txt"
    path.write_bytes(text.encode(encoding))
    read = read_any(str(path), FetchConfig()).rows()
    assert read.users.tolist() == [row[0] for row in table]
    assert [str(item) for item in read.items.tolist()] == [row[1] for row in table]
    assert read.ratings is not None
    assert read.ratings.tolist() == [float(row[3]) for row in table]


scraps = st.sampled_from(
    ["1", "x", '"', '""', ",", "\t", "\n", "\r\n", "\r", " ", "#", "\\", "é", ";", "a b", "-"]
)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(scraps, max_size=40).map("".join))
def test_whatever_a_file_holds_no_id_holds_a_line_end(tmp_path: Path, text: str) -> None:
    """Anything is read as rows, at most one a line, or refused."""
    path = tmp_path / "table.txt"
    path.write_bytes(("user_id,item_id\na,b\n" + text).encode())
    try:
        read = read_any(str(path), FetchConfig()).rows()
    except InputError:
        return
    for ids in (read.users.tolist(), read.items.tolist()):
        assert not any(end in str(each) for each in ids for end in "\r\n")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert len(read.users) <= 1 + sum(bool(line) for line in lines)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_blocks_are_cut_between_rows(
    tmp_path: Path, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quoted cells that hold line ends are never cut."""
    monkeypatch.setattr("mfcli.sources.readers.source.BLOCK_BYTES", 50)
    table = [(f"u{n}", f"i{n % 7}", "two\nlines, and\n\nmore" * (n % 3), "3") for n in range(200)]
    text = written(table, ",", "minimal", end, header=True)
    assert text is not None
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode())
    read = read_any(str(path), FetchConfig()).rows()
    assert read.users.tolist() == [row[0] for row in table]
    assert read.items.tolist() == [row[1] for row in table]
    path.write_bytes((text + f"u9,i9,x,bad{end}").encode())
    with pytest.raises(InputError, match=f"line {len(text.splitlines()) + 1}: the rating 'bad'"):
        read_any(str(path), FetchConfig())
