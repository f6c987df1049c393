"""The options of train that let a search choose the others, in a given time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mfcli.config.options import option
from mfcli.config.output import WrittenConfig
from mfcli.config.roles import Role, Tier


@dataclass(frozen=True, kw_only=True)
class BudgetOptions(WrittenConfig):
    """What train has of a search."""

    budget: str | None = option(
        None,
        "The best model that this time allows, start-up and writing included: SECONDS, 2m or 1h. "
        "Models, objectives, engines and settings that are not given are tried on validation rows "
        "taken out of the matrix (or on --valid), the best is trained on all rows, and OUT.toml "
        "repeats it with --config. The same time may end with another model.",
        role=Role.limit,
        shown="off",
        panel="The best in a given time",
        metavar="TIME",
        tier=Tier.first,
    )
    evidence: list[dict[str, Any]] = option(
        [],
        "[[train.evidence]] of a configuration file: how --budget chose its options, which the "
        "model keeps.",
        role=Role.nested | Role.telling,
        cli=False,
    )
