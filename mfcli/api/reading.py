"""Anything that holds interactions → a Dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import pandas as pd

from mfcli.api.configuring import configured
from mfcli.api.dataset import Dataset
from mfcli.api.listening import listening
from mfcli.api.options import FetchOptions
from mfcli.artifacts import is_matrix
from mfcli.artifacts.meta import meta_for, reading_entry
from mfcli.config import FetchConfig, Role
from mfcli.config.options import names_with
from mfcli.data.building import from_arrays, from_csr
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError, UsageError
from mfcli.events import OnEvent
from mfcli.sources.frames import from_frame
from mfcli.sources.reading import filter_interactions, read_interactions
from mfcli.sources.values import settle_values

# Options of fetch that mean something for what is in memory already.
_IN_MEMORY = {"drop_value", "duplicates", "threshold", "min_user_ratings", "min_item_ratings"}
_OF_COLUMNS = _IN_MEMORY | {"columns", "time_format"}


def read(source: Any, *, progress: bool = False, **options: Unpack[FetchOptions]) -> Dataset:
    """Read interactions from anything that holds them.

    source: a path, a URL or a data set's name, as for ``mfcli fetch``, or a list of such, which are
    parts of one table; an ``.npz`` that mfcli wrote; a pandas DataFrame (or a dict of columns)
    whose columns are named as in a file; a SciPy sparse matrix of users × items, whose ids are its
    row and column numbers; or a tuple of arrays ``(users, items)``, ``(users, items, ratings)`` or
    ``(users, items, ratings, times)``.

    options: those of ``mfcli fetch`` under the same names: columns, duplicates, threshold, … Of an
    ``.npz`` nothing may be changed. progress: show progress and notes; else only warnings come, as
    MfcliWarning, and none whose code ``ignore`` names.

    >>> data = mfcli.read("demo", users=60, items=50, ratings=900)

    Raises InputError for what cannot be read, DownloadError, UsageError for options that do not
    fit.
    """
    config = configured(FetchConfig, options)
    given = {name: value for name, value in options.items() if name != "ignore"}
    gates = given.keys() & set(names_with(FetchConfig, Role.replacing))
    _refuse_options(sorted(gates), "nothing is replaced: compare the counts of what is read")
    if isinstance(source, str | Path) and is_matrix(Path(source)):
        _refuse_options(given, "an .npz of mfcli is read as it is")
        return Dataset.load(source)
    if paths := _paths(source):
        with listening(progress, config.ignore) as on_event:
            return Dataset.of(read_interactions(paths, config, on_event)[0])
    if isinstance(source, Interactions):
        _refuse_options(given, "a Dataset is taken as it is")
        return Dataset.of(source)
    named = isinstance(source, Mapping | pd.DataFrame)
    foreign = given.keys() - (_OF_COLUMNS if named else _IN_MEMORY)
    _refuse_options(sorted(foreign), "values in memory are neither located nor parsed")
    with listening(progress, config.ignore) as on_event:
        built, kind, rated = _built(source, config, on_event)
    kept, _ = filter_interactions(built, config, f"the {kind}")
    entry = reading_entry("read", {"source": kind, **_plain(given)}, [], rated=rated)
    return Dataset.of(kept.with_meta(meta_for("interactions", [entry])))


def _paths(source: Any) -> list[str]:
    """Return a path as a list, and a list of paths as it is; anything else is none."""
    if isinstance(source, str | Path):
        return [str(source)]
    if isinstance(source, list) and all(isinstance(each, str | Path) for each in source):
        return list(map(str, source))
    return []


def _built(source: Any, config: FetchConfig, on_event: OnEvent) -> tuple[Interactions, str, bool]:
    """Return the interactions of a value in memory, its kind, and whether it has ratings."""
    if isinstance(source, Mapping):
        source = pd.DataFrame(dict(source))
    if isinstance(source, pd.DataFrame):
        made, rated = from_frame(
            source, config.columns, duplicates=config.duplicates, config=config, on_event=on_event
        )
        return made, "DataFrame", rated
    if isinstance(source, tuple) and 2 <= len(source) <= 4:
        arrays = _settled(source, config, on_event)
        rated = len(arrays) > 2 and arrays[2] is not None
        return from_arrays(*arrays, duplicates=config.duplicates), "arrays", rated
    if hasattr(source, "tocoo"):
        built = from_csr(source, duplicates=config.duplicates)
        kept = settle_values(built.data, config, "the sparse matrix", on_event)
        return built if kept is None else built.keep(kept), "sparse matrix", True
    raise InputError(
        f"interactions cannot be read from {type(source).__name__}: give a path, a DataFrame, a "
        "sparse matrix, or a tuple of arrays (users, items, ratings)"
    )


def _settled(arrays: tuple[Any, ...], config: FetchConfig, on_event: OnEvent) -> tuple[Any, ...]:
    """Return arrays without the rows that --drop-value leaves out; what is no number stays."""
    ratings = None if len(arrays) < 3 or arrays[2] is None else np.asarray(arrays[2])
    lengths = {len(array) for array in arrays if array is not None}
    if ratings is not None and (ratings.dtype.kind not in "biuf" or len(lengths) > 1):
        return arrays  # from_arrays says what is wrong
    values = None if ratings is None else ratings.astype(np.float32)
    kept = settle_values(values, config, "the arrays", on_event)
    if kept is None:
        return arrays
    return tuple(None if array is None else np.asarray(array)[kept] for array in arrays)


def _refuse_options(options: Iterable[str], reason: str) -> None:
    if names := ", ".join(options):
        raise UsageError(f"{names}: has no meaning here: {reason}")


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, int | float | bool | list) else str(value)
        for name, value in options.items()
    }
