"""What a file is, by its first bytes: which format, and what a table of text looks like."""

from __future__ import annotations

import re
from collections import Counter

from mfcli.config.fetch import Format
from mfcli.errors import InputError
from mfcli.sources.readers.shapes import DENSE_WAY_OUT
from mfcli.sources.readers.text import WHOLE_NUMBER, Head

_NEGATIVES = re.compile(r"\([^,()\s]+,\s*[^,()\s]+\)\s+\S")
_LARGEST = 20  # rating, in whole numbers
_RECBOLE = re.compile(r"[^:\s]+:(token|float|token_seq|float_seq)\Z")

# Delimiters of tables of text, and whether their cells may be quoted.
_DELIMITERS = {"\t": False, ",": True, ";": True, "|": True, "\x01": True}


def is_jsonl(head: Head) -> bool:
    """Tell JSON lines by the brace that the first line begins with."""
    return head.lines[0].strip().startswith("{")


def is_negatives(head: Head) -> bool:
    """Tell lines of ``(user,positive) item item …``."""
    return _NEGATIVES.match(head.lines[0].strip()) is not None


def is_recbole(head: Head) -> bool:
    """Tell a table of RecBole by its header of ``name:type`` and tabs."""
    names = head.lines[0].strip().split("\t")
    return len(names) > 1 and all(_RECBOLE.match(name) for name in names)


def is_dat(head: Head) -> bool:
    """Tell MovieLens' ``::`` between cells."""
    cut = sum("::" in line for line in head.lines)
    return "::" in head.lines[0] and cut > len(head.lines) / 2


def guess_text_table(head: Head) -> Format:
    """Return the likeliest format of a table of text; raises InputError where nothing cuts it."""
    delimiter = head.steady_delimiter(_DELIMITERS)
    if delimiter is not None:
        return Format.tsv if delimiter == "\t" else Format.csv
    tokens = [line.split() for line in head.lines]
    if _is_adjacency(tokens):
        _refuse_dense(tokens, head.name)
        return Format.adjacency
    widths = {len(line) for line in tokens}
    if len(widths) == 1 and widths != {1} and not any("," in line for line in head.lines):
        return Format.space
    # Ragged: the reader of the likeliest format says on which line.
    for delimiter in (*_DELIMITERS, " "):
        if sum(delimiter in line for line in head.lines) > len(head.lines) / 2:
            return {"\t": Format.tsv, " ": Format.space}.get(delimiter, Format.csv)
    raise InputError(
        f"{head.name}: no column separator is found on its first line {head.lines[0][:40]!r}: "
        "choose with --format"
    )


def _refuse_dense(lines: list[list[str]], where: str) -> None:
    """Raise InputError for a table of users × items, which is no list of items a line.

    Its lines are all of one width, and most of them repeat a value, or no value is larger than a
    rating is. Lists whose items rise in every line are lists.
    """
    if len({len(line) for line in lines}) > 1:
        return
    rows = [[int(cell) for cell in line[1:]] for line in lines]
    if all(row == sorted(set(row)) for row in rows):
        return
    repeats = sum(len(set(row)) < len(row) for row in rows)
    if 2 * repeats > len(rows) or all(value <= _LARGEST for row in rows for value in row):
        raise InputError(
            f"{where}: looks like a table with a row for each user and a column for each item: "
            f"{DENSE_WAY_OUT}, or say --format adjacency if each line is a user and their items"
        )


def _is_adjacency(tokens: list[list[str]]) -> bool:
    """Tell lines of one user and his items from a table of fixed width."""
    widths = Counter(len(line) for line in tokens)
    if max(widths) < 2:
        return False
    if not all(re.fullmatch(WHOLE_NUMBER, cell) for line in tokens for cell in line):
        return False
    if len(widths) == 1:
        return max(widths) > 4
    # A table with a few short lines has one width nearly everywhere, and users more than once.
    first = [line[0] for line in tokens]
    width, lines = widths.most_common(1)[0]
    return len(set(first)) == len(first) and not (2 < width <= 4 and lines > 0.7 * len(first))
