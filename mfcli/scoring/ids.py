"""Original ids → rows of the matrix; lists of ids in files."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mfcli.artifacts import open_input
from mfcli.data.interactions import Ids
from mfcli.errors import InputError
from mfcli.system.streams import standard_input

USER_NAMES = ("user_id", "userid", "user")
ITEM_NAMES = ("item_id", "itemid", "item", "movieid")


class Lookup:
    """Finds rows by the ids' text."""

    def __init__(self, ids: Ids) -> None:
        """Hash the ids once."""
        self._index = pd.Index(ids.astype(np.str_).astype(object))

    def rows(self, tokens: Sequence[str] | NDArray[np.str_]) -> NDArray[np.int64]:
        """Return the row of each token, −1 for one that is not there."""
        found = self._index.get_indexer(pd.Index(np.asarray(tokens, dtype=object)))
        return found.astype(np.int64)


def read_ids(source: str, names: tuple[str, ...], known: Lookup) -> list[str]:
    """Read the distinct ids of a file or of standard input, in the order they come.

    One a line; or the column of a CSV or TSV whose header has one of ``names`` (case aside); fields
    may be quoted (RFC 4180). Raises InputError where it cannot be read, or has no such column.
    """
    text = _text(source)
    first = text.split("\n", 1)[0].strip("\r")
    for delimiter in ("\t", ","):
        header = [each.strip() for each in next(csv.reader([first], delimiter=delimiter), [])]
        places = [at for at, name in enumerate(header) if name.lower() in names]
        if places and (len(header) > 1 or known.rows(header)[0] < 0):
            return _distinct(source, text, delimiter, places[0], header=True)
    # Lines: a comma may be a part of the id, so there is no delimiter that could cut it.
    return _distinct(source, text, "\0", 0, header=False)


def _text(source: str) -> str:
    try:
        if source == "-":
            return standard_input().read().decode("utf-8-sig")
        with open_input(Path(source)) as stream:
            return stream.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{source}: the ids are not UTF-8 text") from None


def _distinct(source: str, text: str, delimiter: str, place: int, *, header: bool) -> list[str]:
    found: dict[str, None] = {}
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for number, row in enumerate(rows):
            if (header and not number) or not row or row == [""]:
                continue
            if len(row) <= place:
                raise InputError(f"{source}, line {rows.line_num}: has no column {place + 1}")
            if token := row[place].strip():
                found[token] = None
    except csv.Error as error:
        raise InputError(f"{source}, line {rows.line_num}: {error}") from None
    return list(found)
