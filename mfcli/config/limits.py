"""The bounds of a night's gates: [nightly.gates] over the defaults; and those of --max-drop."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mfcli.config.gates import GATES, Bound, Gate, GateEntry, metric_entry
from mfcli.config.metrics import LONGEST_LIST, METRICS, expand_metrics
from mfcli.config.options import nearest
from mfcli.errors import UsageError


@dataclass(frozen=True)
class Limits:
    """The bounds of every gate: its key → bound → number; a gate that is off has none."""

    of: Mapping[str, Mapping[Bound, float]]

    def __getitem__(self, key: str) -> Mapping[Bound, float]:
        """Return the bounds of a gate, {} where it is off."""
        return self.of.get(str(key), {})

    @property
    def metrics(self) -> tuple[str, ...]:
        """The full names of the metrics that have a gate."""
        return tuple(key for key in self.of if key not in tuple(Gate))

    def table(self) -> dict[str, dict[str, float]]:
        """Return the limits as plain JSON values."""
        return {
            key: {str(bound): limit for bound, limit in bounds.items()}
            for key, bounds in self.of.items()
        }


DEFAULTS = Limits(MappingProxyType({str(gate): dict(it.defaults) for gate, it in GATES.items()}))


def read_limits(table: Mapping[str, Any], where: str = "[nightly.gates] ") -> Limits:
    """Return the limits of a table [nightly.gates] over the defaults.

    A value is false (the gate is off), true (as by default), a number (the gate's plain bound), or
    a table of bounds, each of which may be false. Raises UsageError, with ``where`` before it, for
    an unknown key, which names the nearest, and for a value that no gate can have.
    """
    of = {key: dict(bounds) for key, bounds in DEFAULTS.of.items()}
    seen: dict[str, str] = {}
    for written, value in table.items():
        key, entry = _gate_of(written, where)
        if key in seen:
            raise UsageError(f"{where}{seen[key]} and {written} are the same gate: leave one out")
        seen[key] = written
        of[key] = _bounds(written, value, entry, dict(entry.defaults), where)
    return Limits(MappingProxyType(of))


def _gate_of(written: str, where: str) -> tuple[str, GateEntry]:
    key = written.replace("_", "-")
    if key in tuple(Gate):
        return key, GATES[Gate(key)]
    try:
        return expand_metrics([written], [10])[0], metric_entry(written)
    except UsageError:
        known = [*Gate, *(f"{name}@10" for name in METRICS), *METRICS]
        raise UsageError(
            f"{where}unknown key {written!r}{nearest(written, known)}; there are: "
            f'{", ".join(Gate)}, and metrics such as "ndcg@10" with k from 1 to {LONGEST_LIST}'
        ) from None


def _bounds(
    key: str, value: Any, entry: GateEntry, bounds: dict[Bound, float], where: str
) -> dict[Bound, float]:
    if value is False:
        return {}
    if value is True:
        if not bounds:
            raise UsageError(f"{where}{_shown(key)} = true: the gate has no default: give a number")
        return bounds
    asked = value if isinstance(value, Mapping) else {entry.plain: value}
    for name, limit in asked.items():
        if name not in entry.bounds:
            raise UsageError(
                f"{where}{_shown(key)}: unknown bound {str(name)!r}{nearest(name, entry.bounds)}; "
                f"there are: {', '.join(entry.bounds)}"
            )
        bound = Bound(name)
        if limit is False:
            bounds.pop(bound, None)
        elif limit is not True:
            bounds[bound] = _number(f"{where}{_shown(key)}", bound, limit)
    return bounds


def _shown(key: str) -> str:
    """Return a key as TOML writes it."""
    return f'"{key}"' if "@" in key else key


# The least and the largest number that a bound can have.
_RANGES = {
    Bound.drop: (0.0, 1.0),
    Bound.worse: (0.0, 1.0),
    Bound.growth: (1.0, math.inf),
    Bound.change: (0.0, math.inf),
    Bound.rise: (0.0, math.inf),
    Bound.back: (0.0, math.inf),
}


def _number(what: str, bound: Bound, limit: Any) -> float:
    number = isinstance(limit, int | float) and not isinstance(limit, bool)
    if bound is Bound.same or not number:
        wanted = "true or false" if bound is Bound.same else "a number, true or false"
        raise UsageError(f"{what} = {limit!r}: {bound} should be {wanted}")
    low, high = _RANGES.get(bound, (-math.inf, math.inf))
    if not math.isfinite(limit) or not low <= limit <= high:
        raise UsageError(
            f"{what} = {limit!r}: {bound} should be "
            + (f"a share from {low:g} to {high:g}" if high == 1 else f"{low:g} or more")
        )
    return float(limit)


DROPPING = (Gate.rows, Gate.users, Gate.items)  # what --max-drop can name


def read_drops(
    texts: Iterable[str], option: str = "--max-drop", known: Collection[Gate] = DROPPING
) -> dict[Gate, float]:
    """Return the shares of several ``NAME=SHARE``, as --max-drop gives them; raises UsageError."""
    found: dict[Gate, float] = {}
    for text in texts:
        name, equals, share = text.partition("=")
        if not equals:
            raise UsageError(f"{option} {text!r} should look like users=0.1")
        if name not in known:
            raise UsageError(
                f"{option} {text!r}: there are: {', '.join(known)}{nearest(name, known)}"
            )
        gate = Gate(name)
        if gate in found:
            raise UsageError(f"{option} gives {name} twice")
        try:
            found[gate] = float(share)
        except ValueError:
            found[gate] = math.nan
        if not 0 <= found[gate] <= 1:
            raise UsageError(f"{option} {text!r}: should be a share from 0 to 1, as users=0.1")
    return found
