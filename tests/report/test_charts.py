"""Charts show what they are given, whatever its range."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfcli.report.charts import (
    MOST_MARKERS,
    Series,
    choose_ticks,
    draw_bars,
    draw_intervals,
    draw_lines,
)
from tests.report.reading import Page, curves

VALUES = st.floats(-1e12, 1e12).filter(lambda value: value == 0 or abs(value) > 1e-9)


@given(VALUES, VALUES)
def test_ticks_are_few_and_span_the_values(a, b):
    low, high = min(a, b), max(a, b)
    found = choose_ticks(low, high)
    room = 1e-6 * max(abs(low), abs(high), high - low)
    assert found[0] <= low + room
    assert found[-1] >= high - room
    assert 2 <= len(found) <= 9
    assert all(x < y for x, y in itertools.pairwise(found))


@given(st.lists(VALUES, min_size=1, max_size=30))
def test_a_curve_has_exactly_its_points(values):
    points = [(float(at), value) for at, value in enumerate(values, 1)]
    chart = draw_lines("c", "a title", [Series("s", points, 0)], "epoch", whole=True)
    assert curves(Page(chart).root) == {"a title": {"s": points}}


def test_a_chart_says_what_it_shows_to_who_cannot_see_it():
    chart = draw_lines("c", "Loss", [Series("train", [(1, 0.5), (2, 0.25)], 0)], "epoch")
    svg = Page(chart).root.all("svg")[0]
    assert svg.attributes["role"] == "img"
    assert svg.attributes["aria-labelledby"] == "c-t c-d"
    assert svg.all("title")[0].text == "Loss"
    assert "train: from 0.5 at epoch 1 to 0.25 at epoch 2" in svg.all("desc")[0].text
    assert "epoch" in [element.text for element in svg.all("text", "name")]
    assert "train" in svg.all("g", "legend")[0].content


@pytest.mark.parametrize(("n", "markers"), [(MOST_MARKERS, MOST_MARKERS), (MOST_MARKERS + 1, 0)])
def test_a_long_curve_has_no_markers(n, markers):
    points = [(float(at), math.sin(at)) for at in range(n)]
    root = Page(draw_lines("c", "t", [Series("s", points, 0)], "seconds")).root
    assert len(root.all("circle", "pt")) == markers
    assert curves(root)["t"]["s"] == points


def test_a_long_legend_leaves_the_plot_its_height():
    names = [f"an experiment with a long name, and number {at}" for at in range(12)]
    series = [Series(name, [(1, 0.5), (2, 0.25)], at) for at, name in enumerate(names)]
    svg = Page(draw_lines("c", "t", series, "epoch")).root.all("svg")[0]
    shown = [element.text for element in svg.all("g", "legend")[0].all("text")]
    assert len(set(shown)) == len(names), "cut, but still told apart"
    _, _, bottom, top = map(float, svg.all("g", "axes")[0].attributes["data-y"].split())
    lowest = max(
        float(element.attributes["y"]) for element in svg.all("g", "legend")[0].all("text")
    )
    assert bottom - top > 150
    assert lowest < top
    assert bottom < float(svg.attributes["viewbox"].split()[3])


def test_names_are_escaped():
    bad = "<script>alert('x')</script>&\""
    chart = "".join(
        [
            draw_lines("c", bad, [Series(bad, [(1, 1)], 0)], bad),
            draw_bars("b", bad, [bad], [(bad, [0.5])], bad),
            draw_intervals("i", bad, [(bad, 0, 0.5, 0.4, 0.6)]),
        ]
    )
    assert "<script" not in chart
    root = Page(chart).root
    assert [svg.all("title")[0].text for svg in root.all("svg")] == [bad] * 3


def test_bars_are_as_high_as_their_shares():
    root = Page(draw_bars("b", "t", ["1", "2"], [("x", [0.25, 0.5])], "tenth")).root
    low, high = (float(bar.all("rect")[0].attributes["height"]) for bar in root.all("g", "bar")[1:])
    assert high == pytest.approx(2 * low, abs=0.02)
