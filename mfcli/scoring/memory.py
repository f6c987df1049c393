"""Whether there is memory enough to score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mfcli.artifacts import matrix_headers
from mfcli.events import OnEvent
from mfcli.system import capacity
from mfcli.system.processors import available_workers


def require_scoring(
    models: Sequence[Path], test: Path | None, workers: int | None, lists: int, on_event: OnEvent
) -> None:
    """Say no before an evaluation or lists of users that memory cannot hold.

    lists: entries of the ranked lists of a user that are held at once.
    """
    sizes = [model.stat().st_size for model in models if model.is_file()]
    arrays = {} if test is None else matrix_headers(test)
    shape = [arrays[name].length for name in ("user_ids", "item_ids") if name in arrays]
    n_users, n_items = shape if len(shape) == 2 else (0, 0)
    needed = capacity.scoring(
        max(sizes, default=0),
        sum(header.n_bytes for header in arrays.values()),
        n_items,
        workers or available_workers(),
        lists * n_users * len(sizes),
    )
    mend = "take fewer --workers" + (", or a smaller --k" if lists else "")
    capacity.require_memory(f"scoring {models[0]}", needed, mend, on_event)
