"""Lines that are no rows of a table: comments, rulers, and what a shell says at the end."""

from __future__ import annotations

import re

COMMENTS = ("#", "%", "--", "//")
RULER = re.compile(r"[-=+|:,;\s]*[-=]{2}[-=+|:,;\s]*")
HEADERS, COMMENT_LINES, RULERS, FOOTERS = "repeated header", "comment", "ruler", "footer"
_FOOTER = re.compile(
    r"""\(?\d[\d,. ]*\s*(rows?|records?|tuples?|zeilen?|lignes?|filas?)\b.*
    |\d+\s+rows?\s+(in\s+set|selected|affected|returned).*
    |(query\ ok|time\ taken|fetched|elapsed|execution\ time|completed|total\ (rows|records))\b.*
    |(grand\ )?total\b[\s:;,]*[\d.,\s]*""",
    re.IGNORECASE | re.VERBOSE,
)

# What no row of a table of words between blanks looks like, though it has as many words.
_COUNTED = re.compile(r"\(\d[\d,.]* (rows?|records?)( (affected|selected|returned))?\)")


def is_count_of_rows(line: str) -> bool:
    """Tell the line in which SQL Server and psql say how many rows there were."""
    return _COUNTED.fullmatch(line.strip()) is not None


def kind_of_noise(line: str) -> str | None:
    """Return what a line is that is no row, "" for a blank one; None for what may be a row."""
    if not line:
        return ""
    if RULER.fullmatch(line):
        return RULERS
    if line.startswith(COMMENTS):
        return COMMENT_LINES
    return FOOTERS if _FOOTER.fullmatch(line) else None
