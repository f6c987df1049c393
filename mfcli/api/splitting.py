"""Interactions → train, test and validation rows."""

from __future__ import annotations

from typing import Unpack

from mfcli.api.configuring import configured
from mfcli.api.dataset import Dataset
from mfcli.api.options import SplitOptions
from mfcli.artifacts.splits import identify_split
from mfcli.config import SplitConfig, Strategy
from mfcli.data.interactions import Interactions
from mfcli.data.splitting import Parts, split_interactions
from mfcli.data.splitting import split_folds as cut_folds
from mfcli.errors import UsageError

# In which order the parts of a split are returned.
_ORDER = ("train", "valid-history", "valid", "history", "test")


def split(data: Interactions, **options: Unpack[SplitOptions]) -> tuple[Dataset, ...]:
    """Return ``(train, test)``, or ``(train, valid, test)`` with ``valid=True``.

    With ``strategy="users"`` a history stands before each part of held-out users: ``(train,
    history, test)``, or ``(train, valid_history, valid, history, test)``.

    The options are those of ``mfcli split`` under the same names. The parts are disjoint, keep the
    users and items of ``data``, and are what the command writes for the file of ``data.save``.

    >>> train, test = mfcli.split(data, strategy="leave-n-out", n=2, seed=0)

    Raises UsageError for options that cannot be, InputError where a part would be empty or a
    strategy needs times that ``data`` does not have.
    """
    config = configured(SplitConfig, options)
    if config.folds:
        raise UsageError("folds makes several splits: call mfcli.split_folds")
    _refuse_given(config)
    parts = _labelled({"": split_interactions(data, config)}, data, config)[""]
    return tuple(parts[name] for name in _ORDER if name in parts)


def split_folds(
    data: Interactions, folds: int, **options: Unpack[SplitOptions]
) -> list[tuple[Dataset, ...]]:
    """Return ``folds`` splits as ``split`` does; each row is in the test part of exactly one.

    With ``strategy="latest"`` these are windows of time, the oldest first: each trains on all that
    is older than what it tests.

    >>> folds = mfcli.split_folds(data, 5, seed=0)
    """
    config = configured(SplitConfig, {**options, "folds": folds})
    _refuse_given(config)
    labelled = _labelled(cut_folds(data, config), data, config)
    return [tuple(parts[name] for name in _ORDER if name in parts) for parts in labelled.values()]


def _refuse_given(config: SplitConfig) -> None:
    if config.chosen is Strategy.given:
        raise UsageError("strategy given names files: read both with mfcli.read instead")


def _labelled(
    folders: dict[str, Parts], data: Interactions, config: SplitConfig
) -> dict[str, dict[str, Dataset]]:
    """Return the parts with the meta that says which split they are of, by folder and name."""
    identity = identify_split(data.meta, config, [{"sha256": Dataset.of(data).sha256}])
    return {
        folder: {
            name: Dataset.of(part.with_meta(identity.meta(name, folder)))
            for name, part in parts.items()
        }
        for folder, parts in folders.items()
    }
