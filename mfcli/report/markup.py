"""HTML that is escaped by construction: text becomes markup only through ``el``."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

# Control characters are no HTML; names of items may hold them.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")

VOID = frozenset({"meta", "link", "br"})  # elements without an end tag


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def escape(text: object) -> Html:
    """Return any text so that it shows as it is, within an element or an attribute's quotes."""
    if isinstance(text, Html):
        return text
    return Html(html.escape(_CONTROL.sub("\ufffd", str(text)), quote=True))


def el(name: str, /, *children: object, **attributes: object) -> Html:
    """Return an element: children that are no Html are escaped, as are all attributes.

    ``class_`` is ``class``, other underscores are hyphens; an attribute of None is left out.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is not None:
            parts.append(f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"')
    parts.append(">")
    if name not in VOID:
        parts += [*(escape(child) for child in children), f"</{name}>"]
    return Html("".join(parts))


def join(parts: Iterable[object], between: str = "") -> Html:
    """Join pieces, those that are no Html escaped."""
    return Html(escape(between).join(escape(part) for part in parts))


def label(text: object) -> Html:
    """Return text of a user of mfcli, whose writing direction must not leak into what follows."""
    return el("bdi", text)


def table(
    head: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    caption: str,
    numbers: Iterable[int] = (),
    kind: str = "",
) -> Html:
    """Return a table that scrolls sideways on its own; ``numbers``: columns set to the right.

    kind: further classes of it.
    """
    right = set(numbers)

    def side(at: int) -> str | None:
        return "n" if at in right else None

    top = join(el("th", title, scope="col", class_=side(at)) for at, title in enumerate(head))
    body = []
    for row in rows:
        first, *rest = row
        cells = join(el("td", cell, class_=side(at)) for at, cell in enumerate(rest, 1))
        body.append(el("tr", el("th", first, scope="row", class_=side(0)), cells))
    inner = el("table", el("caption", caption), el("thead", el("tr", top)), el("tbody", join(body)))
    classes = f"scroll {kind}".strip()
    return el("div", inner, class_=classes, tabindex="0", role="region", aria_label=caption)


def facts(pairs: Iterable[tuple[object, object]], *, wide: bool = False) -> Html:
    """Return names with their values, in columns where there is room; ``wide``: one a line."""
    made = join(el("div", el("dt", name), el("dd", value)) for name, value in pairs)
    return el("dl", made, class_="facts wide" if wide else "facts") if made else Html("")


def number(value: object, digits: int = 4) -> str:
    """Return a number for people: thousands apart, few digits; anything else as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if not math.isfinite(value):
            return "not defined"
        if value and (abs(value) >= 1e6 or abs(value) < 10.0**-digits):
            return f"{value:.3g}"
        return f"{value:,.{digits}f}"
    return "–" if value is None else str(value)


def percent(share: float) -> str:
    """Return a share as a percentage."""
    return f"{100 * share:.1f} %"


def plain(value: Any) -> str:
    """Return a value of JSON as a reader may want it."""
    if isinstance(value, list):
        return ", ".join(plain(entry) for entry in value) or "none"
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    if isinstance(value, float):
        return f"{value:,.6g}"
    return number(value)
