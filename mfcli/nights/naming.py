"""What a generation is called: the time that its data is of, or the SHA-256 of its source."""

from __future__ import annotations

from datetime import UTC, datetime

from mfcli.config.nightly import parse_as_of
from mfcli.data.times import LEAST_DATE

_DIGITS = 12  # of a SHA-256 in a name


def as_of_time(asked: str | None, newest: int | None) -> str | None:
    """Return the time that a night is of, as ISO 8601 in UTC; None where nothing tells.

    asked: what --as-of gives; newest: the newest time of the data, seconds since 1970. Numbers that
    are no dates of today's data tell none.
    """
    if asked is not None:
        moment = parse_as_of(asked)
    elif newest is not None and abs(newest) >= LEAST_DATE:
        try:
            moment = datetime.fromtimestamp(newest, UTC)
        except (ValueError, OverflowError, OSError):
            return None
    else:
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def generation_name(as_of: str | None, identity: str, taken: frozenset[str]) -> str:
    """Return the name of a generation: its time, else its identity (hex) in short.

    A name in ``taken`` is of another night of the same time: part of the identity is added.
    """
    short = identity[:_DIGITS]
    if as_of is None:
        return short if short not in taken else identity
    name = as_of.replace("-", "").replace(":", "")
    return name if name not in taken else f"{name}-{short}"
