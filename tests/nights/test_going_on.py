"""A night that was cut off goes on where it was, to the same bytes."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from mfcli.config.nightly import night_configs
from mfcli.errors import InterruptedRunError
from mfcli.events import EpochResult, Event, TrainingStarted
from mfcli.nights import keeping, publishing
from mfcli.nights.generations import all_generations
from mfcli.nights.places import Place
from mfcli.nights.staging import Staging
from mfcli.nights.status import read_status
from mfcli.stages.nightly import nightly
from tests.nights.shops import QUICK, Shop, clicks, digests

EXEMPT = ("manifest.json", "model.history.csv", "log.jsonl")
HOGWILD = '[train]\nmode = "hogwild"\nepochs = 4\nfactors = 2\nworkers = 1\n'


class Killed(BaseException):
    """Ends a run as a kill does: nothing of ours handles it."""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


# Where a night finds what a step does.
HOMES = {
    "fetch": "mfcli.stages.fetch",
    "split": "mfcli.stages.split",
    "resume_or_start": "mfcli.stages.train",
    "evaluate": "mfcli.stages.evaluate",
    "publish_file": "mfcli.publishing.lists",
}


def cut_off(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, after: bool) -> None:
    """Have a function end the run when it is called, or when it is done."""
    whole: Callable[..., Any] = getattr(module, name)

    def broken(*arguments: Any, **options: Any) -> Any:
        if after:
            whole(*arguments, **options)
        raise Killed

    monkeypatch.setattr(module, name, broken)


def cut_off_when_switched(
    monkeypatch: pytest.MonkeyPatch, shop: Shop, module: Any, name: str, *, after: bool
) -> None:
    """Have a function end the run where it is called after the switch."""
    whole: Callable[..., Any] = getattr(module, name)
    before = shop.current

    def broken(*arguments: Any, **options: Any) -> Any:
        switched = shop.current != before
        if after or not switched:
            whole(*arguments, **options)
        if switched or shop.current != before:
            raise Killed

    monkeypatch.setattr(module, name, broken)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("name", ["fetch", "split", "resume_or_start", "evaluate", "publish_file"])
def test_a_night_cut_off_in_a_stage_ends_as_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, after: bool
) -> None:
    made = []
    for folder, breaks in (("a", False), ("b", True)):
        (tmp_path / folder).mkdir()
        shop = Shop(tmp_path / folder)
        shop.night(clicks(1))
        if breaks:
            with monkeypatch.context() as patched:
                cut_off(patched, import_module(HOMES[name]), name, after=after)
                with pytest.raises(Killed):
                    shop.night(clicks(2))
            assert len(all_generations(shop.place)) == 1
        result = shop.night(clicks(2))
        assert result.status == "published"
        assert bool(result.reused) == (breaks and name != "fetch")
        made.append(digests(shop.place.generations, EXEMPT))
    assert made[0] == made[1]


class Interrupting:
    """Receives events, and interrupts the run in the second epoch of its second training."""

    def __init__(self) -> None:
        self.trainings = 0

    def __call__(self, event: Event) -> None:
        self.trainings += isinstance(event, TrainingStarted)
        if self.trainings == 2 and isinstance(event, EpochResult) and event.epoch == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize("warm", [False, True])
def test_a_training_goes_on_from_its_last_epoch(tmp_path: Path, warm: bool) -> None:
    made = []
    for folder, breaks in (("a", False), ("b", True)):
        (tmp_path / folder).mkdir()
        shop = Shop(tmp_path / folder, f"warm = {str(warm).lower()}", HOGWILD)
        shop.night(clicks(1))
        if breaks:
            shop.write(clicks(2))
            interrupt = Interrupting()
            with pytest.raises((InterruptedRunError, KeyboardInterrupt)):
                nightly(night_configs(shop.file()), interrupt)
            assert read_status(shop.place)["status"] == "interrupted"
            assert (shop.place.staging / "generation" / "model.pt.resume").exists()
        assert shop.night(clicks(2)).status == "published"
        made.append(digests(shop.place.generations, EXEMPT))
    assert made[0] == made[1]


def test_a_run_killed_while_it_publishes_is_finished_by_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shop.night(clicks(1)).generation
    with monkeypatch.context() as patched:
        cut_off(patched, type(shop.place), "switch", after=False)
        with pytest.raises(Killed):
            shop.night(clicks(2))
    assert shop.current == first
    result = shop.night(clicks(2))
    assert result.status == "unchanged"
    assert shop.current == result.generation != first
    assert not shop.place.staging.exists()


@pytest.mark.parametrize(
    ("module", "name", "after"),
    [
        (Place, "switch", True),
        (publishing, "discard", False),
        (keeping, "empty_trash", False),
        (publishing, "_tidy", True),
    ],
)
def test_a_run_killed_after_its_switch_leaves_nothing_behind(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, after: bool
) -> None:
    first = shop.night(clicks(1)).generation
    with monkeypatch.context() as patched:
        cut_off_when_switched(patched, shop, module, name, after=after)
        with pytest.raises(Killed):
            shop.night(clicks(2))
    assert shop.current != first
    assert shop.night(clicks(2)).status == "unchanged"
    left = {path.name for path in shop.place.folder.iterdir()}
    assert left == {"generations", "current", "latest.json", "nightly.lock"}


def test_what_a_killed_run_had_no_time_to_remove_goes_with_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [shop.night(clicks(day)).generation for day in (1, 2)]
    shop.nightly = "keep = 1"
    with monkeypatch.context() as patched:
        cut_off(patched, import_module("mfcli.stages.nightly"), "clean", after=False)
        with pytest.raises(Killed):
            shop.night(clicks(3))
    assert len(all_generations(shop.place)) == 3
    result = shop.night(clicks(3))
    assert (result.status, result.removed) == ("unchanged", made[:1])


def test_a_run_killed_before_its_folder_is_in_place_goes_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shop.night(clicks(1)).generation
    with monkeypatch.context() as patched:
        cut_off(patched, publishing, "_flush_all", after=True)
        with pytest.raises(Killed):
            shop.night(clicks(2))
    assert shop.current == first
    result = shop.night(clicks(2))
    assert (result.status, shop.current) == ("published", result.generation)
    assert "recommend" in result.reused


def test_other_inputs_begin_anew(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.night(clicks(1))
    with monkeypatch.context() as patched:
        cut_off(patched, import_module(HOMES["evaluate"]), "evaluate", after=False)
        with pytest.raises(Killed):
            shop.night(clicks(2))
    assert shop.night(clicks(3)).reused == []


def test_a_damaged_file_of_a_cut_off_night_is_made_anew(shop: Shop) -> None:
    shop.night(clicks(1), dry_run=True)
    staging = Staging(shop.place.staging)
    staging.model.write_bytes(b"x")
    reused = shop.night(clicks(1)).reused
    assert "train" not in reused
    assert "fetch" in reused


HOOK = """#!/bin/sh
printf '%s %s %s' "$MFCLI_STATUS" "$MFCLI_EXIT_STATUS" "$MFCLI_GENERATION" > {out}
"""


class TestHooks:
    def test_each_end_has_its_hook(self, shop: Shop) -> None:
        shop.more = QUICK + "[nightly.hooks]\n"
        for name in ("success", "failure"):
            script = shop.home / f"{name}.sh"
            script.write_text(HOOK.format(out=shop.home / name))
            script.chmod(script.stat().st_mode | stat.S_IXUSR)
            shop.more += f'on-{name} = ["{script}"]\n'
        first = shop.night(clicks(1)).generation
        assert (shop.home / "success").read_text() == f"published 0 {first}"
        with pytest.raises(Exception, match="nothing is published"):
            shop.night(clicks(2)[:200])
        assert (shop.home / "failure").read_text() == "refused 6 "

    @pytest.mark.parametrize(
        ("command", "message"),
        [
            ('["false"]', "ended with status 1"),
            ('["/no/such/command"]', "cannot be run"),
            ('["sleep", "60"]', "was ended after 0.3 s"),
        ],
    )
    def test_its_failure_is_told_and_changes_nothing(
        self, shop: Shop, command: str, message: str
    ) -> None:
        shop.more = QUICK + f"[nightly.hooks]\ntimeout = 0.3\non-success = {command}\n"
        assert shop.night(clicks(1)).status == "published"
        told = [getattr(event, "message", "") for event in shop.events]
        assert any(message in text for text in told)


def test_a_full_disk_is_told_and_leaves_what_is_current(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shop.night(clicks(1)).generation

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, os.strerror(28), "model.pt")

    with monkeypatch.context() as patched:
        patched.setattr("mfcli.stages.train.resume_or_start", full)
        with pytest.raises(OSError, match=r"model\.pt"):
            shop.night(clicks(2))
    status = json.loads(shop.place.latest.read_text())
    assert (status["status"], status["exit_status"]) == ("failed", 8)
    assert shop.current == first
