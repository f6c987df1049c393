"""Times as a person reads them."""

from __future__ import annotations

import numpy as np

from mfcli.data.interactions import Interactions

# Times below these seconds (March 1973) are dates of nobody's data: they count from elsewhere.
LEAST_DATE = 100_000_000
_DAY = 86_400
LAST_DATE = 253_402_300_799  # the end of the year 9999


def shown_time(seconds: int) -> str:
    """Return a time as "2019-12-31 18:05:00 UTC", and a midnight as the date alone."""
    if abs(seconds) > LAST_DATE:
        return f"{seconds:,} s"
    moment = np.datetime64(seconds, "s")
    if seconds % _DAY == 0:
        return str(moment.astype("datetime64[D]"))
    return f"{moment}".replace("T", " ")


def shown_span(first: int, last: int) -> str:
    """Return a range of times as dates in UTC, or as numbers where they are no seconds since 1970.

    first, last: seconds since 1970.
    """
    if max(abs(first), abs(last)) < LEAST_DATE:
        return f"{first:,} to {last:,} (no dates)"
    return f"{shown_time(first)} to {shown_time(last)} UTC"


def newest_date(interactions: Interactions) -> int | None:
    """Return the newest time of interactions, in seconds since 1970; None where it is no date."""
    times = interactions.timestamps
    newest = 0 if times is None or not len(times) else int(times.max())
    return newest if LEAST_DATE <= newest <= LAST_DATE else None


def span_of(interactions: Interactions) -> str | None:
    """Return the range of the times of interactions, None without any."""
    times = interactions.timestamps
    if times is None or not len(times):
        return None
    return shown_span(int(times.min()), int(times.max()))
