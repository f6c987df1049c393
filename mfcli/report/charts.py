"""Line and bar charts as inline SVG: no script, no font, nothing to fetch.

Colours are classes (``c0`` … ``c7``) that the page's style sheet sets for light, dark and paper.
Each series carries its exact values in ``data-points``; the drawn ones are rounded to 0.01 px.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mfcli.report.markup import Html, el, join

WIDTH, PLOT = 440, 196  # the plot's height; legend and axis come on top of it
LEFT, RIGHT, BOTTOM = 54, 14, 42
LETTER = 6.4  # mean width of a letter at 12 px
COLOURS = 8
MOST_MARKERS = 80  # a longer curve is drawn without a marker a point


@dataclass(frozen=True)
class Series:
    """A curve: ``points`` (x, y) in x's order, a colour's number, dashed or not."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: int
    dashed: bool = False
    best: int | None = None  # the place of the point that is ringed


@dataclass(frozen=True)
class Scale:
    """Maps values from low..high to pixels from start..end."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def choose_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round values that span low..high, in steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        room = abs(low) * 0.1 or 1.0
        low, high = low - room, high + room
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(digit * power for digit in (1, 2, 5, 10) if digit * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def draw_lines(
    chart_id: str, title: str, series: Sequence[Series], x_label: str, *, whole: bool = False
) -> Html:
    """Draw curves over one pair of axes; ``whole``: x counts something, like epochs."""
    xs = [x for curve in series for x, _ in curve.points]
    ys = [y for curve in series for _, y in curve.points]
    x_ticks, y_ticks = (
        choose_ticks(0.0 if not whole else min(xs), max(xs)),
        choose_ticks(min(ys), max(ys)),
    )
    low = min(xs) if whole else 0.0
    high = max(max(xs), low + 1) if whole else max(xs) or 1.0
    x_ticks = [tick for tick in x_ticks if low <= tick <= high]
    if whole:
        x_ticks = [tick for tick in x_ticks if tick == round(tick)]
        if low not in x_ticks and (not x_ticks or x_ticks[0] - low > (high - low) / 20):
            x_ticks = [low, *x_ticks]
    legend, top = _legend([(curve.name, _class(curve)) for curve in series])
    x = Scale(low, high, LEFT, WIDTH - RIGHT)
    y = Scale(y_ticks[0], y_ticks[-1], top + PLOT, top)
    parts = [_axes(x, y, x_ticks, y_ticks, x_label), legend]
    parts += [_curve(curve, x, y, x_label) for curve in series]
    lines = "; ".join(_describe_curve(curve, x_label) for curve in series)
    return _svg(chart_id, title, lines, parts, "chart lines", y.start + BOTTOM)


def draw_bars(
    chart_id: str,
    title: str,
    labels: Sequence[str],
    series: Sequence[tuple[str, Sequence[float]]],
    x_label: str,
) -> Html:
    """Draw groups of bars, shares of 1, one group a label."""
    shares = [share for _, values in series for share in values]
    marks = choose_ticks(0.0, max([0.1, *shares]))
    names = [(name, f"c{number}") for number, (name, _) in enumerate(series)]
    legend, top = _legend(names, bars=True)
    x = Scale(0, len(labels), LEFT, WIDTH - RIGHT)
    y = Scale(0.0, marks[-1], top + PLOT, top)
    wide = (x(1) - x(0)) * 0.76 / len(series)
    bars = []
    for number, (name, values) in enumerate(series):
        for at, share in enumerate(values):
            left = x(at) + (x(1) - x(0)) * 0.12 + number * wide
            box = el(
                "rect",
                x=_px(left),
                y=_px(y(share)),
                width=_px(wide - 1),
                height=_px(y(0) - y(share)),
                rx="1.5",
            )
            hint = el("title", f"{name}, {labels[at]}: {100 * share:.1f} %")
            bars.append(el("g", hint, box, class_=f"bar c{number}", data_value=repr(share)))
    under = [
        el("text", text, x=_px(x(at + 0.5)), y=_px(y.start + 16), text_anchor="middle")
        for at, text in enumerate(labels)
    ]
    axes = _axes(x, y, [], marks, x_label, percent=True)
    lines = "; ".join(
        f"{name}: {', '.join(f'{100 * share:.1f} %' for share in values)}"
        for name, values in series
    )
    parts = [axes, *under, legend, *bars]
    return _svg(chart_id, title, lines, parts, "chart bars", y.start + BOTTOM)


def draw_intervals(
    chart_id: str, title: str, rows: Sequence[tuple[str, int, float, float, float]]
) -> Html:
    """Draw one line a (name, colour, value, low, high): the value with its interval."""
    gap, top = 26, 12
    height = top + gap * len(rows) + BOTTOM
    left = min(170, 16 + LETTER * max(len(_short(name)) for name, *_ in rows))
    marks = choose_ticks(min(low for *_, low, _ in rows), max(high for *_, high in rows))
    x = Scale(marks[0], marks[-1], left, WIDTH - RIGHT - 8)
    parts = []
    for mark in marks:
        at = _px(x(mark))
        parts.append(el("line", x1=at, x2=at, y1=top, y2=height - BOTTOM, class_="grid"))
        parts.append(el("text", _plain(mark), x=at, y=height - BOTTOM + 16, text_anchor="middle"))
    for number, (name, colour, value, low, high) in enumerate(rows):
        y = top + gap * (number + 0.5)
        hint = el("title", f"{name}: {value:.4f}, {low:.4f} to {high:.4f}")
        bar = el("line", x1=_px(x(low)), x2=_px(x(high)), y1=_px(y), y2=_px(y), class_="line")
        dot = el("circle", cx=_px(x(value)), cy=_px(y), r="4.5", class_="pt")
        text = el("text", _short(name), x=_px(left - 10), y=_px(y + 4), text_anchor="end")
        parts += [text, el("g", hint, bar, dot, class_=f"interval c{colour % COLOURS}")]
    parts.append(_name_of_x(title, height))
    lines = "; ".join(f"{name}: {v:.4f}, {lo:.4f} to {hi:.4f}" for name, _, v, lo, hi in rows)
    return _svg(chart_id, title, lines, parts, "chart intervals", height)


def _svg(
    chart_id: str, title: str, lines: str, parts: Sequence[Html], kind: str, height: float
) -> Html:
    head = [el("title", title, id=f"{chart_id}-t"), el("desc", lines, id=f"{chart_id}-d")]
    return el(
        "svg",
        *head,
        *parts,
        class_=kind,
        id=chart_id,
        viewBox=f"0 0 {WIDTH} {_px(height)}",
        role="img",
        aria_labelledby=f"{chart_id}-t {chart_id}-d",
    )


def _class(series: Series) -> str:
    return f"c{series.colour % COLOURS}{' dashed' if series.dashed else ''}"


def _curve(series: Series, x: Scale, y: Scale, x_label: str) -> Html:
    pixels = [(_px(x(a)), _px(y(b))) for a, b in series.points]
    parts = [el("polyline", points=" ".join(f"{a},{b}" for a, b in pixels), class_="line")]
    for number, ((a, b), (px, py)) in enumerate(zip(series.points, pixels, strict=True)):
        hint = el("title", f"{series.name}, {x_label} {_plain(a)}: {b:.6g}")
        if number == series.best:
            ring = el("circle", cx=px, cy=py, r="6.5", class_="ring")
            parts.append(el("g", el("title", f"best {hint[7:-8]}"), ring))
        if len(pixels) <= MOST_MARKERS:
            dot = el("circle", cx=px, cy=py, r="2.6" if len(pixels) > 30 else "3.2", class_="pt")
            parts.append(el("g", hint, dot))
    exact = " ".join(f"{a!r},{b!r}" for a, b in series.points)
    return el(
        "g", *parts, class_=f"series {_class(series)}", data_name=series.name, data_points=exact
    )


def _describe_curve(series: Series, x_label: str) -> str:
    """Say in words where a curve begins and ends, for who cannot see it."""
    (x0, y0), (x1, y1) = series.points[0], series.points[-1]
    return (
        f"{series.name}: from {_plain(y0)} at {x_label} {_plain(x0)} "
        f"to {_plain(y1)} at {x_label} {_plain(x1)}"
    )


def _axes(
    x: Scale,
    y: Scale,
    x_ticks: Sequence[float],
    y_ticks: Sequence[float],
    x_label: str,
    percent: bool = False,
) -> Html:
    parts = []
    for tick in y_ticks:
        at = _px(y(tick))
        text = f"{100 * tick:.0f} %" if percent else _plain(tick)
        parts.append(el("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="grid"))
        parts.append(
            el("text", text, x=LEFT - 8, y=at, text_anchor="end", dominant_baseline="central")
        )
    for tick in x_ticks:
        at = _px(x(tick))
        parts.append(el("line", x1=at, x2=at, y1=_px(y.start), y2=_px(y.start + 4), class_="axis"))
        parts.append(el("text", _plain(tick), x=at, y=_px(y.start + 16), text_anchor="middle"))
    base = _px(y.start)
    parts.append(el("line", x1=LEFT, x2=WIDTH - RIGHT, y1=base, y2=base, class_="axis"))
    parts.append(_name_of_x(x_label, y.start + BOTTOM))
    return el(
        "g",
        *parts,
        class_="axes",
        data_x=f"{x.low!r} {x.high!r} {x.start!r} {x.end!r}",
        data_y=f"{y.low!r} {y.high!r} {y.start!r} {y.end!r}",
    )


def _name_of_x(text: str, height: float) -> Html:
    middle = (LEFT + WIDTH - RIGHT) / 2
    return el("text", text, x=_px(middle), y=_px(height - 6), text_anchor="middle", class_="name")


def _legend(names: Sequence[tuple[str, str]], bars: bool = False) -> tuple[Html, float]:
    """Return the legend, and where the plot below it begins."""
    x, y, parts = float(LEFT), 12.0, []
    for name, kind in names:
        text = _short(name)
        wide = 26 + LETTER * len(text) + 14
        if x > LEFT and x + wide > WIDTH:
            x, y = float(LEFT), y + 18
        if bars:
            key = el("rect", x=_px(x + 4), y=_px(y - 5), width="11", height="11", rx="2")
        else:
            key = el("line", x1=_px(x), x2=_px(x + 20), y1=_px(y), y2=_px(y), class_="line")
        key = el("g", key, class_=f"{'bar ' if bars else ''}{kind}")
        parts.append(key)
        parts.append(el("text", text, x=_px(x + 26), y=_px(y), dominant_baseline="central"))
        x += wide
    return el("g", join(parts), class_="legend"), y + 18


def _short(name: str, most: int = 34) -> str:
    """Cut a long name in its middle: names of runs often differ at their end."""
    return name if len(name) <= most else f"{name[: most // 2 - 4]}…{name[-most // 2 - 3 :]}"


def _px(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _plain(value: float) -> str:
    """Return a value as an axis shows it."""
    return f"{round(value, 10):,.6g}" if abs(value) >= 1e-9 else "0"
