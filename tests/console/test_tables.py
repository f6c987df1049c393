"""Tables fit, whatever the width; no figure is cut or folded, and nothing at all in a pipe."""

from __future__ import annotations

import dataclasses
import io
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from mfcli.console import sheets as layout
from mfcli.console.folding import fitting, folded, plain
from mfcli.console.sheets import UNLIMITED, Column, Kind, Sheet, console_of
from mfcli.console.tables import SHEETS
from mfcli.results import EvaluateResult
from tests.console.results import LONG, RESULTS, compared
from tests.console.snapshots import (
    GOLDEN,
    WIDTHS,
    drawn,
    live_search,
    live_training,
    result_text,
    snapshot,
)
from tests.helpers import TEXT

FIGURE = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")


def figures_of(sheet: Sheet) -> set[str]:
    """Return the cells that must be there whole: figures, and labels of columns that stay."""
    return {
        row[at]
        for row in sheet.rows
        for at, column in enumerate(sheet.columns)
        if column.kind is Kind.figure and not column.spare
    }


def words_of(text: str) -> set[str]:
    """Return what stands between two blanks or more."""
    return set(re.split(r"\s{2,}|\n", text))


@pytest.mark.parametrize("name", WIDTHS)
def test_the_most_seen_tables_look_as_they_did(name):
    """Where a change is meant: python -m tests.console.snapshots."""
    assert snapshot(WIDTHS[name]) == (GOLDEN / f"{name}.txt").read_text("utf-8")


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("name", RESULTS)
def test_no_figure_is_cut_and_no_line_is_too_long(name, width):
    text = result_text(name, width)
    assert "…" not in text
    assert max(map(cell_len, text.splitlines())) <= width
    result = RESULTS[name]
    for sheet in SHEETS[type(result)](result):
        assert figures_of(sheet) <= words_of(drawn([sheet], width))


@pytest.mark.parametrize("name", RESULTS)
def test_in_a_pipe_every_row_is_one_line_with_all_of_its_cells(name):
    result = RESULTS[name]
    for sheet in SHEETS[type(result)](result):
        lines = drawn([sheet], UNLIMITED).splitlines()
        headings = 2 if any(column.name for column in sheet.columns) else 0
        assert len(lines) == bool(sheet.title) + headings + len(sheet.rows)
        for line, row in zip(lines[-len(sheet.rows) :], sheet.rows, strict=True):
            assert all(cell in line for cell in row)


def test_every_kind_of_result_is_among_those_that_are_looked_at():
    assert {type(result) for result in RESULTS.values()} == set(SHEETS)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("n_models", [2, 5, 12])
def test_any_number_of_models_is_compared_a_row_each(n_models, width):
    names = [f"{LONG}{number}" for number in range(n_models)]
    result = compared(names)
    text = drawn(SHEETS[EvaluateResult](result)[:1], width)
    rows = [line for line in text.splitlines() if line.startswith("ndcg@10 ")]
    assert len(rows) == n_models
    assert rows[0].endswith("base")
    assert all(re.search(r"0\.3[45]12 .*(better|worse|noise|base)$", row) for row in rows)
    assert all(name in "".join(text.split("\n")).replace(" ", "") for name in
               (name.replace(" ", "") for name in names))  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "change", "verdict"),
    [
        ("ndcg@10", 0.1, "better"),
        ("ndcg@10", -0.1, "worse"),
        ("rmse", 0.1, "worse"),
        ("rmse", -0.1, "better"),
        ("popularity@10", 0.1, "higher"),
        ("popularity@10", -0.1, "lower"),
        ("ndcg@10", 0.001, "noise"),
    ],
)
def test_the_verdict_knows_which_way_a_metric_goes(metric, change, verdict):
    result = compared(["a.pt", "b.pt"])
    spread = {"standard_error": 0.01, "low": change - 0.01, "high": change + 0.01}
    found = {"difference": change, **spread, "beyond_noise": abs(change) > 0.01}
    models = [model | {"metrics": {metric: 0.5}, "baseline": None} for model in result.models]
    pair: dict[str, Any] = {"model": "b.pt", "base": "a.pt", "metrics": {metric: found}}
    result = dataclasses.replace(
        result, metrics={metric: 0.5}, models=models, differences=[pair]
    )  # fmt: skip
    sheet = SHEETS[EvaluateResult](result)[0]
    assert [row[-1] for row in sheet.rows] == ["base", verdict]


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("rungs", [3, None])
def test_a_search_shows_its_score_live_a_line_a_trial(rungs, width):
    head, *rows = drawn([live_search(rungs)], width).splitlines()[1:]
    assert {"trial", "ndcg@10"} <= set(head.split())
    assert [row.split()[:2] for row in rows] == [["7", "0.3193"], ["0", "0.3123"], ["3", "0.3153"]]
    assert all(cell_len(row) <= width for row in (head, *rows))


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("n_metrics", [0, 2, 7])
def test_a_training_shows_its_losses_live_a_line_an_epoch(n_metrics, width):
    lines = drawn([live_training(n_metrics)], width).splitlines()
    assert [row.split()[:3] for row in lines[1:4]] == [
        [f"{number}/20", "0.5123", "0.6000"] for number in (1, 2, 3)
    ]
    assert all(cell_len(line) <= width for line in lines)
    if width == 120 and n_metrics < 7:
        assert "left out" not in lines[-1]
    if width == 40:
        assert "ratings/s" not in lines[0]


KINDS = st.sampled_from([kind for kind in Kind if kind is not Kind.parts])
COLUMNS = st.lists(st.tuples(TEXT, KINDS), min_size=1, max_size=6)


@st.composite
def any_sheet(draw: st.DrawFn) -> Sheet:
    columns = [Column(name, kind) for name, kind in draw(COLUMNS)]
    numbers = st.floats(allow_nan=False, width=32).map(lambda value: f"{value:.6g}")
    cells = [
        numbers if column.kind is Kind.figure else st.text("ab /é日\n", max_size=30)
        for column in columns
    ]
    rows = draw(st.lists(st.tuples(*cells), max_size=4))
    return Sheet(draw(TEXT), columns, rows, keys=draw(st.integers(1, len(columns))))


@settings(max_examples=150, deadline=None)
@given(any_sheet(), st.integers(1, 120))
def test_whatever_the_table_and_the_width_its_figures_are_whole(sheet, width):
    text = drawn([sheet], width)
    for column in range(len(sheet.columns)):
        if sheet.columns[column].kind is Kind.figure:
            assert {row[column] for row in sheet.rows} <= set(text.split())


@settings(max_examples=100, deadline=None)
@given(st.text("ab /-é日", max_size=60), st.integers(1, 30))
def test_a_folded_text_loses_nothing_but_blanks(text, width):
    lines = folded(text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(cell_len(line) <= max(width, 2) for line in lines)


@settings(max_examples=100, deadline=None)
@given(TEXT)
def test_no_text_can_steer_a_terminal(text):
    shown = plain(text + "\x1b[31m\n\u202e")
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert len(shown.splitlines()) == 1


def test_names_that_look_like_markup_are_names():
    sheet = Sheet("[bold]x[/bold]", [Column("[red]", Kind.text)], [["[/red] é"]])
    assert drawn([sheet], 80).splitlines()[::3] == ["[bold]x[/bold]", "[/red] é"]


def test_of_a_list_whole_parts_are_shown():
    assert fitting("factors 64, rate 0.1, l2 0.01", 40) == "factors 64, rate 0.1, l2 0.01"
    assert fitting("factors 64, rate 0.1, l2 0.01", 26) == "factors 64, rate 0.1, +1"
    assert fitting("factors 64, rate 0.1, l2 0.01", 3) == "+3"


def test_colours_forced_upon_a_pipe_make_it_no_terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    assert console_of(io.StringIO()).width == layout.UNLIMITED
