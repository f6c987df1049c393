"""The page on nights: curves of the last 30, from their manifests, and how the last run ended."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from mfcli.errors import InputError, UsageError
from mfcli.nights.figures import Figures
from mfcli.nights.history import MOST, read_nights
from mfcli.stages.report import report
from tests.report.reading import Page, curves

EVIL = '<script>alert("x")</script>'


def write_night(folder: Path, number: int, /, **more: Any) -> Figures:
    figures = Figures(
        rows=1000 + number,
        users=100,
        items=50 + number % 3,
        lists=100,
        list_rows=1000,
        coverage=0.5,
        popular=0.0,
        churn=None if number == 1 else 0.3 + number / 100,
        metrics={"ndcg@10": 0.1 + number / 1000},
    )
    paired = {"tonight": 0.2 + number / 1000, "last": 0.2} if number > 1 else {}
    document = {
        "made_by": "mfcli",
        "schema": 1,
        "kind": "generation",
        "number": number,
        "as_of": f"2026-11-{number:02}",
        "identity": "x",
        "files": {},
        "figures": figures.to_json(),
        "gates": [{"gate": "rows"}, {"gate": "quality", "tonight": None, "last": None, **paired}],
        "times": {"published": 1.0, "seconds": {"fetch": 1.0, "train": 2.0 + number}},
        **more,
    }
    place = folder / "generations" / f"202611{number:02}T000000Z"
    place.mkdir(parents=True)
    (place / "manifest.json").write_text(json.dumps(document))
    return figures


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for number in range(1, 36):
        write_night(tmp_path / "shop", number)
    return tmp_path / "shop"


def test_the_last_nights_are_drawn(shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "nights.html"
    result = report([shop], out)
    assert result.runs == ["shop"]
    assert not result.findings
    drawn = curves(Page(out.read_text()).root)
    numbers = list(range(36 - MOST, 36))
    quality = drawn["Quality on the following day"]
    assert quality["model of the night before"] == [(n, 0.2) for n in numbers]
    assert quality["tonight's, trained without that day"] == [(n, 0.2 + n / 1000) for n in numbers]
    assert drawn["Churn of the lists"]["churn"] == [(n, 0.3 + n / 100) for n in numbers]
    assert drawn["Rows"]["rows of the data"] == [(n, 1000 + n) for n in numbers]
    assert drawn["Seconds"]["all"] == [(n, 3.0 + n) for n in numbers]
    _, (_, ndcg) = drawn["ndcg@10 of the night's evaluation"]["ndcg@10"][-2:]
    assert ndcg == 0.1 + 35 / 1000
    before = out.read_bytes()
    report([shop], out)
    assert out.read_bytes() == before


def test_a_run_that_was_refused_stands_at_the_top(shop: Path, tmp_path: Path) -> None:
    gates = [
        {"gate": "rows", "bound": "drop", "passed": True, "sentence": "rows: fine"},
        {"gate": "users", "bound": "drop", "passed": False, "sentence": f"users: {EVIL}"},
    ]
    latest = {"status": "refused", "reason": f"users fell {EVIL}", "gates": gates}
    (shop / "latest.json").write_text(json.dumps(latest))
    (shop / "generations" / "other").mkdir()
    result = report([shop], tmp_path / "out.html")
    assert [finding["level"] for finding in result.findings] == ["warning", "note"]
    assert "The last run was refused: users fell" in result.findings[0]["message"]
    text = (tmp_path / "out.html").read_text()
    assert "<script>" not in text
    assert text.index("users: &lt;script") < text.index("rows: fine")


def test_a_folder_whose_first_night_was_refused_has_a_page(tmp_path: Path) -> None:
    (tmp_path / "latest.json").write_text(json.dumps({"status": "failed"}))
    result = report([tmp_path], tmp_path / "out.html")
    assert "no reason is given" in result.findings[0]["message"]
    assert "No night was published" in (tmp_path / "out.html").read_text()


def test_one_night_has_curves_of_a_point(tmp_path: Path) -> None:
    write_night(tmp_path / "shop", 1)
    report([tmp_path / "shop"], tmp_path / "out.html")
    drawn = curves(Page((tmp_path / "out.html").read_text()).root)
    assert drawn["Rows"]["rows of the data"] == [(1, 1001)]
    assert "Churn of the lists" not in drawn


@pytest.mark.parametrize(
    "damage",
    [{"number": "first"}, {"times": None}, {"figures": [1]}, {"figures": {"rows": "many"}}],
)
def test_a_manifest_that_is_none_is_passed_over(tmp_path: Path, damage: dict[str, Any]) -> None:
    write_night(tmp_path, 1)
    write_night(tmp_path, 2, **damage)
    past = read_nights(tmp_path)
    assert [night.number for night in past.nights] == [1]
    assert past.passed_over == ["20261102T000000Z"]


def test_a_night_without_seconds_or_gates_is_read(tmp_path: Path) -> None:
    figures = write_night(tmp_path, 1, gates=None, times={"published": 1.0})
    (night,) = read_nights(tmp_path).nights
    assert night.figures == dataclasses.replace(figures)
    assert (night.quality, night.seconds, night.total) == ((None, None), {}, 0)


def test_what_holds_no_night_is_refused(tmp_path: Path) -> None:
    (tmp_path / "generations").mkdir()
    with pytest.raises(InputError, match="holds no night"):
        report([tmp_path], tmp_path / "out.html")
    with pytest.raises(UsageError, match="name it alone"):
        report([tmp_path, tmp_path], tmp_path / "out.html")
    (tmp_path / "latest.json").write_text("[")
    with pytest.raises(InputError, match="is damaged"):
        report([tmp_path], tmp_path / "out.html")
