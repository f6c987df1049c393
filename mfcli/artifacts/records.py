"""Rows of the small CSV files that mfcli writes beside its artifacts: histories and trials."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator


def csv_records(text: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV text with a header, by column.

    Raises:
        ValueError: a row with more or fewer cells than the header, or with broken quotes.
    """
    try:
        for row in csv.DictReader(io.StringIO(text, newline=""), strict=True):
            # What is beyond the header lies under None, what is missing is None.
            if None in row or None in row.values():
                raise ValueError("a row has more or fewer cells than the header")
            yield row
    except csv.Error as error:
        raise ValueError(str(error)) from None
