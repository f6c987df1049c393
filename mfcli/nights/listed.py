"""What is counted of the lists of a night, and whose are not what they were in the last one."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from mfcli.artifacts.tables import Column
from mfcli.config import RecommendConfig, TableFormat, format_of
from mfcli.errors import InputError
from mfcli.nights.figures import ListFigures
from mfcli.nights.generations import Generation
from mfcli.publishing.changes import Changes, changes_between, save_changes
from mfcli.publishing.gates import churn_of, files_of
from mfcli.publishing.lists import WrittenLists


def figures_of_lists(
    written: WrittenLists,
    output: Path,
    last: Path | None = None,
    changes: dict[str, int] | None = None,
) -> ListFigures:
    """Return the figures of lists in ``output``, a file or a folder; ``last``: those before them.

    Reads both where there are two: some 100 bytes of memory for each row. changes: how many lists
    became what, where somebody asked.
    """
    summary, recommender = written.summary, written.recommender
    files = files_of(output)
    popular = recommender.gets_popular(recommender.rows)
    return ListFigures(
        lists=summary.users,
        list_rows=summary.rows,
        coverage=written.coverage,
        popular=float(popular.mean()) if len(popular) else 0.0,
        churn=None if last is None else churn_of(files_of(last), files),
        list_bytes=sum(path.stat().st_size for path in files),
        list_format="".join(files[0].suffixes[-2:]) if files else "",
        **{f"lists_{change}": number for change, number in (changes or {}).items()},
    )


def write_changes_of(
    written: WrittenLists, output: Path, last: Path | None, out: Path, config: RecommendConfig
) -> dict[str, int]:
    """Write whose lists in ``output`` are not what they were in ``last``; return how many.

    Without ``last`` all lists are added.
    """
    found = changes_between([] if last is None else files_of(last), files_of(output))
    owner = written.recommender.columns()[0]
    return save_changes(out, format_of(out.name), found, owner, csv_safe=config.csv_safe)


def changes_from(before: Generation, after: Generation) -> Changes:
    """Return whose lists are not in one generation what they were in another one.

    Raises InputError for a generation without lists.
    """
    return changes_between(_files_of(before), _files_of(after))


def save_changes_from(
    found: Changes, after: Generation, out: Path, *, csv_safe: bool
) -> dict[str, int]:
    """Write the changes that lead to a generation; return how many lists became what."""
    numbers = after.figures.user_ids == "integers"
    owner = Column("user_id", pa.int64() if numbers else pa.string())
    kind: TableFormat = format_of(out.name, "--changes")
    return save_changes(out, kind, found, owner, csv_safe=csv_safe)


def _files_of(generation: Generation) -> list[Path]:
    if generation.lists is None:
        raise InputError(f"{generation.folder}: has no lists")
    return files_of(generation.lists)
