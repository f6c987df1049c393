"""Defaults of run that suit the data, where nothing was said: the mode, and what is held out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mfcli.artifacts.held import NOTHING, Held
from mfcli.config import Mode
from mfcli.config.run import RunConfigs
from mfcli.data.filtering import apply_threshold
from mfcli.errors import UsageError
from mfcli.events import Noted, OnEvent
from mfcli.results import FetchResult
from mfcli.wording import counted, part_of

FEW = 0.1  # a test of a smaller share of the users says little of the others


def suited(
    configs: RunConfigs,
    matrix: Path,
    fetched: FetchResult,
    on_event: OnEvent,
    *,
    held: Held = NOTHING,
) -> RunConfigs:
    """Return the configuration of a run on what was fetched, and say what was chosen.

    held: what is in memory of ``matrix``.
    """
    return _with_held_out(_with_mode(configs, fetched, on_event), matrix, on_event, held)


def _with_mode(configs: RunConfigs, fetched: FetchResult, on_event: OnEvent) -> RunConfigs:
    """Learn to rank where all values are equal, as of clicks: there is no rating to predict."""
    alike = fetched.minimum == fetched.maximum or configs.split.threshold is not None
    if not (alike and configs.open_way) or configs.train.budget is not None:
        return configs
    train = replace(configs.train, mode=Mode.hogwild)
    try:
        train.resolved()
    except UsageError:  # other options are of another mode, which was therefore meant
        return configs
    on_event(
        Noted(
            "all values are equal, as of clicks: trained with --mode hogwild, which learns to "
            "rank (--mode chooses another)"
        )
    )
    return replace(configs, train=train)


def _with_held_out(configs: RunConfigs, matrix: Path, on_event: OnEvent, held: Held) -> RunConfigs:
    """Hold one row of a user out where the default would test few users, or nobody."""
    config = configs.split
    if not configs.open_n or config.n is None:
        return configs
    rows = held.matrix(matrix)
    if config.threshold is not None:
        rows = apply_threshold(rows, config.threshold)
    counts = rows.user_counts[rows.user_counts > 0]
    # Validation rows are held out of what the test rows leave.
    enough = counts > config.n * (2 if config.valid else 1)
    if len(counts) == 0 or enough.mean() >= FEW or counts.max() < 2:
        return configs
    on_event(
        Noted(
            f"{part_of(int(enough.sum()), len(counts), 'user', 'has', 'have')} more than "
            f"{counted(config.n, 'row')}: the "
            f"split holds out 1 row of a user, not {config.n} (n under [split] of --config says "
            "how many)"
        )
    )
    return replace(configs, split=replace(config, n=1))
