"""How much smaller something is than what it replaces: ``--max-drop``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mfcli.config.gates import Gate

_SLACK = 1e-9  # of a limit: 29 of 100 rows are a drop of 0.29


def unmet_drops(
    before: Mapping[Gate, int], now: Mapping[Gate, int], limits: Mapping[Gate, float], whose: str
) -> Iterator[str]:
    """Yield a sentence for every number that fell by a larger share than its limit.

    before, now: numbers of what is replaced and of what replaces it. whose: whose the ones before
    are, in words.
    """
    for gate, limit in limits.items():
        old, new = before[gate], now[gate]
        fallen = (old - new) / old if old else 0.0
        if fallen > limit * (1 + _SLACK):
            yield (
                f"{new:,} {gate}, {whose} has {old:,}: a fall by {100 * fallen:.4g} %, --max-drop "
                f"{gate}={limit:g} allows {100 * limit:.4g} %"
            )
