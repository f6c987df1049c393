"""What scoring needs of memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mfcli.artifacts import matrix_headers
from mfcli.results import OnEvent
from mfcli.system import capacity
from mfcli.system.processors import available_workers


def require_scoring(
    models: Sequence[Path], test: Path | None, workers: int | None, lists: int, on_event: OnEvent
) -> None:
    """Say no before an evaluation or lists of users that memory cannot hold.

    lists: entries of the ranked lists of a user that are held at once.
    """
    sizes = [each.stat().st_size for each in models if each.is_file()]
    heads = {} if test is None else matrix_headers(test)
    shape = [heads[name].length for name in ("user_ids", "item_ids") if name in heads]
    n_users, n_items = shape if len(shape) == 2 else (0, 0)
    needed = capacity.scoring(
        max(sizes, default=0),
        sum(each.n_bytes for each in heads.values()),
        n_items,
        workers or available_workers(),
        lists * n_users * len(sizes),
    )
    mend = "take fewer --workers" + (", or a smaller --k" if lists else "")
    capacity.require_memory(f"scoring {models[0]}", needed, mend, on_event)
