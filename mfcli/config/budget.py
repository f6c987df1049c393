"""``--budget``: how a time is written, what it cannot be combined with, what is left to choose."""

from __future__ import annotations

import re
from typing import Any

from mfcli.config.choices import Engine, Mode
from mfcli.config.options import flag, names_with
from mfcli.config.roles import Role
from mfcli.config.train_options import TrainOptions
from mfcli.errors import UsageError

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST = 30 * 24 * 3600.0

# Options that say how one training is watched or goes on, and why a search has no use for them.
_NOT_ALONG: dict[str, str] = {
    "init_from": "a search trains from nothing: go on with --config OUT.toml --init-from",
    "init_from_if_any": "a search trains from nothing: go on with --config OUT.toml --init-from",
    "stages": "a search chooses among trainings of one stage",
    "patience": "the epochs are chosen by the search",
    "last_epoch": "the epochs are chosen by the search",
    "time_limit": "the budget is the limit",
    "evidence": "it is what an earlier search found: leave out [[train.evidence]]",
}

# A mode is a default of three choices, and a budget makes these: what is left of it is whether it
# rates or ranks, and the engine that it is named after.
MODE_PINS: dict[Mode | None, dict[str, Any]] = {
    None: {},
    Mode.explicit: {},
    Mode.implicit: {},
    Mode.hogwild: {"engine": Engine.hogwild},
}
RANKING_MODES = frozenset({Mode.implicit, Mode.hogwild})


def parse_budget(text: str) -> float:
    """Return the seconds of SECONDS, 90s, 2m or 1.5h; raises UsageError."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smh]?)", text.strip().lower())
    if found is None:
        raise UsageError(f"--budget {text!r} should be seconds or a time like 90s, 2m or 1h")
    seconds = float(found[1]) * _UNITS[found[2]]
    if not 1.0 <= seconds <= _LONGEST:
        raise UsageError(f"--budget {text!r} should lie between 1 second and 30 days")
    return seconds


def check_budget(config: TrainOptions) -> None:
    """Refuse, with UsageError, a malformed ``--budget``, and what it cannot be combined with."""
    assert config.budget is not None
    parse_budget(config.budget)
    asked = config.asked()
    for name, reason in _NOT_ALONG.items():
        if name in asked:
            what = "[[train.stages]]" if name == "stages" else flag(name)
            raise UsageError(f"{what} cannot be combined with --budget: {reason}")


def pinned(config: TrainOptions) -> dict[str, Any]:
    """Return the options of a model that are given: every training of the search has them."""
    apart = names_with(
        TrainOptions, Role.unstored | Role.watch | Role.nested | Role.shorthand | Role.seed
    )
    asked = {name: getattr(config, name) for name in config.asked() if name not in apart}
    return MODE_PINS[config.mode] | asked
