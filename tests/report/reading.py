"""Reads a report back: elements, and the curves as they were drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "br"})


@dataclass
class Element:
    name: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, name: str, kind: str = "") -> list[Element]:
        """Return the elements below with a name, and a class where one is given."""
        found = []
        for child in self.children:
            if child.name == name and (
                not kind or kind in child.attributes.get("class", "").split()
            ):
                found.append(child)
            found += child.all(name, kind)
        return found

    @property
    def content(self) -> str:
        return self.text + "".join(child.content for child in self.children)


class Page(HTMLParser):
    """Parses a page; ``root`` holds its elements. An end tag without its start is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = Element("root", {})
        self.open = [self.root]
        self.feed(text)
        self.close()
        assert self.open == [self.root], f"not closed: {[element.name for element in self.open]}"

    def handle_starttag(self, tag, attrs):
        made = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop().name == tag

    def handle_data(self, data):
        self.open[-1].text += data


def curves(root: Element) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Return chart title → series → exact points, each held against the pixels drawn."""
    found = {}
    for chart in root.all("svg", "lines"):
        axes = chart.all("g", "axes")[0]
        scales = [[float(n) for n in axes.attributes[k].split()] for k in ("data-x", "data-y")]
        series = {}
        for curve in chart.all("g", "series"):
            points = _pairs(curve.attributes["data-points"])
            drawn = _pairs(curve.all("polyline")[0].attributes["points"])
            assert len(drawn) == len(points)
            for point, pixel in zip(points, drawn, strict=True):
                for value, at, (low, high, start, end) in zip(point, pixel, scales, strict=True):
                    assert abs(start + (value - low) / (high - low) * (end - start) - at) < 0.0051
            series[curve.attributes["data-name"]] = points
        found[chart.all("title")[0].text] = series
    return found


def _pairs(text: str) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in text.split()]
    return [(float(a), float(b)) for a, b in pairs]
