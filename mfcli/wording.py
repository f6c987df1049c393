"""How counts, figures, times and sizes are said, wherever a person reads them."""

from __future__ import annotations

import math

_SIZES = ("bytes", "kB", "MB", "GB", "TB", "PB")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_SIGNIFICANT = 4  # decimals of a figure


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: 1 row, 2,345 rows; ``plural`` where an s does not make it."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def part_of(number: int, whole: int, noun: str, one: str, many: str) -> str:
    """Return how many of so many, and the verb: 1 of 5 rows is, 2 of 5 rows are."""
    return f"{number:,} of {counted(whole, noun)} {one if number == 1 else many}"


def figure(value: float | None, *, signed: bool = False) -> str:
    """Return a measured value: four decimals, more where it begins with zeros, fewer from 100 on.

    What is not there is a dash, what is not a number is not defined.
    """
    if value is None:
        return "–"
    if math.isnan(value):
        return "not defined"
    return _written(value, abs(value), signed=signed)


def interval(low: float, high: float, *, signed: bool = False) -> str:
    """Return both ends of an interval with as many decimals as the larger one needs."""
    if math.isnan(low) or math.isnan(high):
        return "–"
    largest = max(abs(low), abs(high))
    return " to ".join(_written(end, largest, signed=signed) for end in (low, high))


def _written(value: float, like: float, *, signed: bool) -> str:
    """Return a number with the decimals that one of the size ``like`` has."""
    sign = "+" if signed else ""
    if math.isinf(like):
        return f"{value:{sign}}"
    if like and like < 1e-6:
        return f"{value:{sign}.{_SIGNIFICANT - 1}e}"
    power = math.floor(math.log10(like)) if like else 0  # 0 for 1 to 9.99…
    digits = _SIGNIFICANT - 1 - power if power < 0 else max(0, min(_SIGNIFICANT, 5 - power))
    return f"{value:{sign},.{digits}f}"


def duration(seconds: float) -> str:
    """Return a span of time in its two largest units: 20 ms, 0.42 s, 3 min 20 s, 3 h, 2 days."""
    if not math.isfinite(seconds):
        return "not known"
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if not seconds:
        return "0 s"
    if seconds < 0.0995:
        return f"{math.ceil(1000 * seconds)} ms"
    if seconds < 9.95:
        return f"{seconds:.{2 if seconds < 0.995 else 1}f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return _two(whole, _MINUTE, 1, "min", "s")
    if seconds < 2 * _DAY - _MINUTE / 2:
        return _two(round(seconds / _MINUTE), 60, 1, "h", "min")
    hours = round(seconds / _HOUR)
    return counted(hours // 24, "day") + (f" {hours % 24} h" if hours % 24 else "")


def _two(whole: int, many: int, one: int, larger: str, smaller: str) -> str:
    """Return ``whole`` units as ``many`` of them make a larger one, without a part that is 0."""
    rest = whole % many // one
    return f"{whole // many:,} {larger}" + (f" {rest} {smaller}" if rest else "")


def size(n_bytes: float) -> str:
    """Return bytes in the unit that leaves three digits: 1 byte, 950 bytes, 12.3 kB, 4.56 GB."""
    if n_bytes < 1000:
        return counted(int(n_bytes), "byte")
    rounded = float(f"{n_bytes:.3g}")
    power = min(len(_SIZES) - 1, math.floor(math.log10(rounded) / 3))
    shown = rounded / 1000**power
    digits = max(0, 2 - math.floor(math.log10(shown)))
    return f"{shown:,.{digits}f} {_SIZES[power]}"
