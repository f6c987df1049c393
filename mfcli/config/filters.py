"""The filters that fetch and split share."""

from __future__ import annotations

from dataclasses import dataclass

from mfcli.config.options import option
from mfcli.config.output import WrittenConfig
from mfcli.config.roles import Tier

FILTERS = "Which ratings are kept"  # their panel in help


@dataclass(frozen=True, kw_only=True)
class FilterConfig(WrittenConfig):
    """The filters that fetch and split share."""

    threshold: float | None = option(
        None,
        "Ratings of at least this become 1, the others go.",
        low=-1e38,
        high=1e38,
        panel=FILTERS,
        metavar="RATING",
        tier=Tier.first,
    )
    min_user_ratings: int = option(
        0,
        "Drop users with fewer ratings (repeated until stable).",
        low=0,
        panel=FILTERS,
        tier=Tier.first,
    )
    min_item_ratings: int = option(
        0,
        "Drop items with fewer ratings (repeated until stable).",
        low=0,
        panel=FILTERS,
        tier=Tier.first,
    )
