"""Thirty nights with data that changes: what is published and what is refused, as a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from mfcli.config.nightly import night_configs
from mfcli.errors import MfcliError
from mfcli.nights.generations import all_generations, read_generation
from mfcli.nights.status import read_status
from mfcli.stages.generations import roll_back
from tests.nights.planned import NIGHTS, PUBLISHED, REFUSED, Planned
from tests.nights.shops import QUICK, Shop, clicks, digests

# Some 60 clicks a day, drawn at random: histograms and popularity move as no real shop's do.
GATES = QUICK + "[nightly.gates]\nrows-a-user = 0.6\nquality = 0.4\n"


def ended_otherwise(night: Planned, shop: Shop, status: int, told: str) -> str:
    """Return how a night ended, where that is not as planned; told: on standard error."""
    said = read_status(shop.place)
    refusing = {it["gate"] for it in said["gates"] if not it["passed"]}
    by = night.by in (refusing if night.status == REFUSED else told)
    right = status == night.status and (by or status == PUBLISHED)
    return "" if right else f"{night.name}: status {status} by {sorted(refusing)}, {told}"


@pytest.mark.parametrize(
    "count",
    [pytest.param(11, id="the first"), pytest.param(len(NIGHTS), id="all", marks=pytest.mark.slow)],
)
def test_nights_are_published_or_refused_as_the_table_says(tmp_path: Path, count: int) -> None:
    shop, published, wholes = Shop(tmp_path, "keep = 99", GATES), [], {}
    assert len(NIGHTS) >= 30
    otherwise = []
    for day, night in enumerate(NIGHTS[:count], 1):
        before, status, told = shop.current, 0, ""
        try:
            shop.night(night.change(clicks(day)))
        except MfcliError as error:
            status, told = error.exit_status, str(error)
        said = read_status(shop.place)
        assert (said["exit_status"], said["reason"] if status else "") == (status, told)
        if status:
            assert shop.current == before, night.name
        else:
            assert shop.current != before, night.name
            published.append(str(shop.current))
            wholes[str(shop.current)] = digests(shop.place.current.resolve())
        assert read_generation(shop.place.current.resolve()).problem() is None, night.name
        otherwise.append(ended_otherwise(night, shop, status, told))
    assert [it for it in otherwise if it] == []
    assert [it.name for it in all_generations(shop.place)] == published
    for name in published:  # back to each of them, to the byte
        if name != shop.current:
            roll_back(night_configs(shop.file()), name)
        assert digests(shop.place.current.resolve()) == wholes[name]


@pytest.mark.parametrize("name", [it.name for it in NIGHTS if it.status != PUBLISHED][:2])
def test_a_night_after_a_refused_one_needs_no_cleaning_up(tmp_path: Path, name: str) -> None:
    shop = Shop(tmp_path)
    shop.night(clicks(1))
    (night,) = (it for it in NIGHTS if it.name == name)
    with pytest.raises(MfcliError):
        shop.night(night.change(clicks(2)))
    assert shop.night(clicks(3)).status == "published"
    assert not shop.place.staging.exists()
