"""Lists without some users are the lists that were written without them, to the byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mfcli.artifacts.tables import Column, open_table
from mfcli.config import TableFormat
from mfcli.config.output import DELIMITED
from mfcli.nights.forgetting import users_taken_out

TEXTS = [
    "007",
    "7",
    "'7",
    "2020-01-01",
    "2020-01-01 10:00:00",
    "2020-01-01T10:00:00Z",
    "1e5",
    "true",
    "null",
    "NaN",
    "a,b",
    'quo"te',
    "tab\tulator",
    "two\nlines",
    "=1+1",
    "é 日本",
]
NUMBERS = [7, -7, 0, 2**53 + 1, 2**63 - 1]


def write(path: Path, kind: TableFormat, users: list[Any], gone: list[Any], *, safe: bool) -> None:
    """Write two rows for each of the users that are not gone, with names and a flag."""
    ids, kept = np.repeat(np.array(users), 2), ~np.repeat(np.isin(users, gone), 2)
    columns = [
        Column.of("user_id", ids),
        Column("item_id", pa.string()),
        Column("rank", pa.int32()),
        Column("score", pa.float32()),
        Column("item_name", pa.string()),
        Column("fallback", pa.bool_()),
    ]
    cells = [
        ids,
        np.array(["2021-02-03", "x", "12:30"]),
        np.array([1, 2], np.int32),
        np.array([1.0, 0.1, 2.5e-8], np.float32),
        np.array(["", "A, B", "1999-12-31"]),
    ]
    rows = [np.resize(column, len(ids))[kept] for column in cells]
    flags = pa.array(np.resize(np.array([True, False]), len(ids))[kept])
    with (
        path.open("wb") as stream,
        open_table(stream, kind, columns, csv_safe=safe and kind in DELIMITED) as table,
    ):
        table.append(table.encode([*rows, flags]))


@pytest.mark.parametrize("safe", [False, True])
@pytest.mark.parametrize("users", [TEXTS, NUMBERS], ids=["text", "numbers"])
@pytest.mark.parametrize("kind", TableFormat)
def test_nobody_stays_and_nobody_else_goes(
    tmp_path: Path, kind: TableFormat, users: list[Any], safe: bool
) -> None:
    found, right = tmp_path / "found", tmp_path / "right"
    for at in range(len(users)):
        gone = users[at : at + 2]
        write(found, kind, users, [], safe=safe)
        write(right, kind, users, gone, safe=safe)
        assert users_taken_out(found, [str(user) for user in gone]) == 2 * len(gone), gone
        assert found.read_bytes() == right.read_bytes(), gone
    before = found.read_bytes()
    assert users_taken_out(found, ["8", "a"]) == 0
    assert found.read_bytes() == before
