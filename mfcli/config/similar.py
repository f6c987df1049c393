"""The options of similar."""

from __future__ import annotations

from dataclasses import dataclass

from mfcli.config.choices import Choice
from mfcli.config.options import flag, option
from mfcli.config.output import ITEMS, OutputConfig
from mfcli.config.roles import Role, Tier
from mfcli.errors import UsageError


class Similarity(Choice):
    """How near two vectors are."""

    cosine = "cosine", "angle of vectors"
    dot = "dot", "angle and length"


@dataclass(frozen=True, kw_only=True)
class SimilarConfig(OutputConfig):
    """Options of ``mfcli similar``."""

    k: int = option(
        10,
        "Neighbours of each.",
        low=1,
        high=2**31 - 1,
        metavar="LENGTH",
        tier=Tier.first,
    )
    users: bool = option(
        False,
        "Users near users, instead of items near items.",
        tier=Tier.first,
    )
    by: Similarity = option(
        Similarity.cosine,
        "What is compared.",
        tier=Tier.first,
    )
    of: str | None = option(
        None,
        "File of ids whose neighbours are wanted, or - for standard input.",
        role=Role.file | Role.stdin,
        shown="all",
        tier=Tier.first,
    )
    items: str | None = option(
        None,
        "File of item ids: only these as neighbours.",
        role=Role.file,
        shown="all items",
        panel=ITEMS,
    )
    exclude_items: str | None = option(
        None, "File of item ids: not these as neighbours.", role=Role.file, panel=ITEMS
    )
    include_cold: bool = option(
        False, "Also those without a rating in train, where they have a vector.", panel=ITEMS
    )

    def check(self) -> None:
        """Refuse filters and names of items where users are compared."""
        if self.users and self.names is not None:
            raise UsageError("--names has no meaning with --users: users have no names")
        for name in ("items", "exclude_items"):
            if self.users and getattr(self, name) is not None:
                raise UsageError(f"{flag(name)} has no meaning with --users: no items are compared")
        self.check_files()
        self.check_changes()
