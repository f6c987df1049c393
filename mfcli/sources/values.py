"""Values that are no ratings: rows that --drop-value leaves out, and values that stand apart."""

from __future__ import annotations

from mfcli.codes import WarningCode
from mfcli.config import FetchConfig
from mfcli.data.interactions import Floats
from mfcli.data.values import Mask, advise, find_peculiar, keep_others, shown_values
from mfcli.errors import InputError, UsageError
from mfcli.events import OnEvent, Warned


def settle_values(
    ratings: Floats | None, config: FetchConfig, name: str, on_event: OnEvent
) -> Mask | None:
    """Return the (R,) mask of the rows that ``--drop-value`` leaves, None where it is not given.

    ratings: (R,), None where every row is an interaction of 1. Warns of values that look as if they
    were no ratings, unless ``--threshold`` says which count. Raises InputError, which calls the
    table ``name``, where no row is left, and UsageError for --drop-value without ratings.
    """
    dropped = config.drop_value or []
    if ratings is None:
        if dropped:
            raise UsageError(
                f"--drop-value: {name} has no column of ratings; name it with --columns rating=…"
            )
        return None
    kept = keep_others(ratings, dropped) if dropped else None
    left = ratings if kept is None else ratings[kept]
    if not len(left):
        raise InputError(f"{name}: no row is left by --drop-value: every rating is one of them")
    for value in dropped:
        if not keep_others(ratings, [value]).all():
            continue
        there = shown_values(ratings)
        message = f"{name}: no row has the value {value:g} of --drop-value; the values are {there}"
        on_event(Warned(WarningCode.values, message))
    if config.threshold is None and (found := find_peculiar(left, labels=not dropped)):
        on_event(Warned(WarningCode.values, f"{name}: {advise(found)}"))
    return kept
