"""How much smaller something is than what it replaces (``--max-drop``), and what gates say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mfcli.config.gates import Gate
from mfcli.errors import GateError
from mfcli.events import Judged, OnEvent
from mfcli.wording import counted

_SLACK = 1e-9  # of a limit: 29 of 100 rows are a drop of 0.29


def judge_drops(
    before: Mapping[Gate, int], now: Mapping[Gate, int], limits: Mapping[Gate, float], whose: str
) -> Iterator[Judged]:
    """Yield what --max-drop has to say of every number that it bounds.

    before, now: numbers of what is replaced and of what replaces it. whose: whose the ones before
    are, in words.
    """
    for gate, limit in limits.items():
        old, new = before[gate], now[gate]
        fallen = (old - new) / old if old else 0.0
        yield Judged(
            gate=f"max-drop {gate}",
            passed=fallen <= limit * (1 + _SLACK),
            figure=new,
            limit=limit,
            last=old,
            message=f"{counted(new, gate.removesuffix('s'), gate)}, {whose} has {old:,}: "
            f"a fall by {100 * fallen:.4g} %, "
            f"--max-drop {gate}={limit:g} allows {100 * limit:.4g} %",
        )


def require_all(judged: Sequence[Judged], consequence: str, on_event: OnEvent) -> None:
    """Tell the figure of each gate; raise GateError with those that are not met, if any."""
    for gate in judged:
        on_event(gate)
    unmet = [gate.message for gate in judged if not gate.passed]
    if unmet:
        raise GateError(f"{'; '.join(unmet)}: {consequence}")
