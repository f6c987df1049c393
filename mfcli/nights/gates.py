"""Whether a generation may be published: its figures beside those of the last good one."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mfcli.config.gates import ALONE, GATES, About, Bound, Gate, metric_entry
from mfcli.config.limits import DEFAULTS, Limits
from mfcli.errors import GateError
from mfcli.nights.figures import Figures
from mfcli.nights.looks import LOOKS, Nights, Seen, at_metric, figure, share

TABLE = "[nightly.gates]"
_SLACK = 1e-9  # of a limit: 29 of 100 rows are a drop of 0.29


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one bound of a gate says of tonight.

    gate:          its key in [nightly.gates]: a ``Gate``, or a metric's full name.
    bound:         which of the gate's bounds.
    tonight, last: both figures; None where there is none.
    limit:         of the bound.
    sentence:      both figures and the limit in words; of a refusal, also what lets it pass.
    """

    gate: str
    bound: str
    passed: bool
    tonight: float | str | None
    last: float | str | None
    limit: float
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as plain JSON values."""
        return dataclasses.asdict(self)


def judge(
    tonight: Figures,
    last: Figures | None,
    limits: Limits = DEFAULTS,
    *,
    about: Collection[About] = tuple(About),
    now: float | None = None,
    clock: float | None = None,
) -> list[Verdict]:
    """Return what every bound of ``limits`` says, in the order of the gates.

    last:  figures of the last good generation; None: what needs one passes, and says so.
    about: which gates are asked: those of the data are known before training, those of the lists
           after it. The paired gate ``quality`` is not among them: see ``quality``.
    now:   the time to which the data's age counts, in seconds since 1970; needed by ``age``.
    clock: the time that no row should be after, likewise; needed by ``ahead``.
    """
    nights = Nights(tonight=tonight, last=last, now=now, clock=clock)
    asked = {str(gate): LOOKS[gate] for gate in LOOKS if GATES[gate].about in about}
    if About.quality in about:
        asked |= {name: at_metric(name) for name in limits.metrics}
    return [
        _verdict(key, bound, limit, look(nights))
        for key, look in asked.items()
        for bound, limit in limits[key].items()
    ]


def refused(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Return the verdicts that do not let the night pass."""
    return [verdict for verdict in verdicts if not verdict.passed]


def require(verdicts: Iterable[Verdict]) -> None:
    """Raise GateError with the sentence of every verdict that refuses."""
    unmet = refused(verdicts)
    if unmet:
        raise GateError(f"{'; '.join(it.sentence for it in unmet)}: nothing is published")


def _fallen(seen: Seen) -> float:
    return max(0.0, (seen.last - seen.tonight) / seen.last) if seen.last else 0.0


def _worsened(seen: Seen) -> float:
    """Return by which share of the last figure a metric is worse, 0 where it is not."""
    lost = seen.last - seen.tonight if seen.falling else seen.tonight - seen.last
    if lost <= 0:
        return 0.0
    return lost / abs(seen.last) if seen.last else math.inf


# What a bound holds against its limit: the figure, the share that is gone, ….
_MEASURED: dict[Bound, Callable[[Seen], float]] = {
    Bound.least: lambda seen: seen.tonight,
    Bound.most: lambda seen: seen.tonight,
    Bound.drop: _fallen,
    Bound.growth: lambda seen: seen.tonight / seen.last if seen.last else 1.0,
    Bound.change: lambda seen: abs(seen.tonight - seen.last) / seen.unit,
    Bound.rise: lambda seen: max(0.0, seen.tonight - seen.last),
    Bound.back: lambda seen: max(0.0, (seen.last - seen.tonight) / seen.unit),
    Bound.same: lambda seen: float(seen.tonight == seen.last),
    Bound.worse: _worsened,
}
_FLOORS = frozenset({Bound.least, Bound.same})  # the limit is the least, else the most

# What a bound asks for, in words.
_ASKED = {
    Bound.least: "at least {limit} is asked for",
    Bound.most: "at most {limit} is allowed",
    Bound.drop: "a fall by {found_share}, at most {share} is allowed",
    Bound.growth: "{found} times as much, at most {limit} times is allowed",
    Bound.change: "a change by {found} {units}, at most {limit} is allowed",
    Bound.rise: "a rise by {found_share}, at most {share} is allowed",
    Bound.back: "{found} {units} back, at most {limit} is allowed",
    Bound.same: "they should be the same",
    Bound.worse: "worse by {found_share}, at most {share} is allowed",
}


def _verdict(key: str, bound: Bound, limit: float, seen: Seen) -> Verdict:
    """Hold one figure against one bound."""
    passed, sentence = _held(key, bound, limit, seen)
    return Verdict(
        gate=key,
        bound=str(bound),
        passed=passed,
        tonight=seen.tonight,
        last=seen.last,
        limit=limit,
        sentence=f"{seen.what}: {sentence}",
    )


def _held(key: str, bound: Bound, limit: float, seen: Seen) -> tuple[bool, str]:
    """Return whether a figure is within a bound, and what there is to say."""
    if seen.tonight is None:
        if seen.lacking is None:
            return True, f"{seen.alone}, so it passes"
        return False, f"{_both(seen)}: {remedy(key, bound, math.inf)}"
    if bound not in ALONE and seen.last is None:
        return True, f"{_both(seen)}; {seen.alone}, so it passes"
    measured = _MEASURED[bound](seen)
    slack = _SLACK * abs(limit)
    passed = measured >= limit - slack if bound in _FLOORS else measured <= limit + slack
    asked = _ASKED[bound].format(
        limit=seen.show(limit) if bound in ALONE else f"{limit:.6g}",
        share=share(limit),
        found=figure(measured),
        found_share=share(measured),
        units=seen.units,
    )
    sentence = f"{_both(seen)}; {asked}"
    return passed, sentence if passed else f"{sentence}: {remedy(key, bound, measured)}"


def _both(seen: Seen) -> str:
    tonight = f"{seen.show(seen.tonight)} tonight" if seen.tonight is not None else seen.lacking
    return f"{tonight}" if seen.last is None else f"{tonight}, {seen.show(seen.last)} last"


def remedy(key: str, bound: Bound, measured: float) -> str:
    """Return what to write in [nightly.gates] for a refused figure to pass."""
    return " or ".join(_settings(key, bound, measured)) + f" in {TABLE} lets it pass"


def _settings(key: str, bound: Bound, measured: float) -> Iterator[str]:
    entry = GATES[Gate(key)] if key in tuple(Gate) else metric_entry(key)
    shown = f'"{key}"' if "@" in key else key
    if math.isfinite(measured) and bound is not Bound.same:
        number = f"{_passing(measured, upward=bound not in _FLOORS):.12g}"
        yield f"{shown} = {number if bound is entry.plain else f'{{ {bound} = {number} }}'}"
    yield f"{shown} = false"


def _passing(measured: float, *, upward: bool) -> float:
    """Return a number of two digits that lets ``measured`` pass as a limit."""
    if measured == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(measured))) - 1)
    steps = measured / step
    whole = math.ceil(steps - _SLACK) if upward else math.floor(steps + _SLACK)
    return float(f"{whole * step:.12g}")
