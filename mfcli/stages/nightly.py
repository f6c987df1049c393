"""``mfcli nightly``: a night as one transaction, from the source to the published lists.

A night that is refused, fails or is killed leaves ``current`` as it is. What it had made stays in
the staging folder, and a night with the same inputs and options goes on from there.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from mfcli import __version__
from mfcli.artifacts.meta import lineage_of
from mfcli.codes import WarningCode
from mfcli.config.gates import BY_CLOCK, Gate
from mfcli.config.nightly import NightConfigs, parse_as_of, parse_keep
from mfcli.config.options import names_with
from mfcli.config.roles import Role
from mfcli.config.watching import LogFormat
from mfcli.errors import GateError, InterruptedRunError
from mfcli.events import Event, Noted, OnEvent, Stage, Warned, ignore, to_all
from mfcli.nights.generations import (
    Generation,
    all_generations,
    current_generation,
    describe_files,
    write_manifest,
)
from mfcli.nights.hooks import run_hook
from mfcli.nights.keeping import clean, empty_trash
from mfcli.nights.naming import as_of_time, generation_name
from mfcli.nights.places import CHANGES, LOG, Place
from mfcli.nights.publishing import finish_switch, publish
from mfcli.nights.staging import digest_of, open_staging
from mfcli.nights.status import Status, read_status, write_status
from mfcli.results import NightResult
from mfcli.stages.night import make_night
from mfcli.stages.steps import Night, Step, timed
from mfcli.stages.telling import begin, end
from mfcli.system import clock
from mfcli.system.refusals import expected_error
from mfcli.watching.event_log import EventLog

# What an error of a night is called in latest.json; any other one is a failure.
_ENDS: dict[type[BaseException], Status] = {
    GateError: Status.refused,
    InterruptedRunError: Status.interrupted,
}


def nightly(
    configs: NightConfigs, on_event: OnEvent = ignore, *, dry_run: bool = False
) -> NightResult:
    """Make tonight's generation and publish it, if every gate passes.

    dry_run: stop before it is published; what was made stays for the night itself.

    Raises GateError where a gate refuses, LockedError where another run holds the folder, and what
    the stages raise. ``current`` is then what it was, and latest.json says what happened.
    """
    began, place = begin(Stage.nightly, on_event), Place(configs.folder)
    run = _Run(place, configs, on_event, dry_run)
    with place.locked(configs.nightly.wait):
        run.settle()
        try:
            run.work()
        except BaseException as error:
            run.fail(error)
        run.tell()
    run.call_hook()
    if run.error is not None:
        raise run.error
    result = run.result()
    return end(Stage.nightly, began, result, on_event, **_told(result))


class _Run:
    """One run of the command: what it made, how it ended, and who is told."""

    def __init__(
        self, place: Place, configs: NightConfigs, on_event: OnEvent, dry_run: bool
    ) -> None:
        self.place, self.configs, self.dry_run = place, configs, dry_run
        self.warned: list[Warned] = []
        self.on_event = self._listening(on_event)
        self.began = clock.now()
        self.status, self.reason, self.exit_status = Status.running, "", 0
        self.error: BaseException | None = None
        self.seconds: dict[str, float] = {}  # of each step
        self.night: Night | None = None
        self.same: Generation | None = None  # tonight's, where it is there already
        self.name: str | None = None
        self.as_of: str | None = None
        self.removed: list[str] = []
        self.in_use: list[str] = []

    def _listening(self, on_event: OnEvent) -> OnEvent:
        def listen(event: Event) -> None:
            if isinstance(event, Warned):
                self.warned.append(event)
            on_event(event)

        return listen

    def settle(self) -> None:
        """Finish what a run that was killed had decided, and say that one is at work."""
        finished = finish_switch(self.place)
        if finished is not None:
            self.on_event(Noted(f"{finished}: published now; the last run was killed meanwhile"))
        empty_trash(self.place)
        self.before = read_status(self.place)
        self.before.pop("before", None)
        self.tell()

    def work(self) -> None:
        """Make the night and publish it; or find that it is published already."""
        with timed(Step.fetch, self.seconds):  # which reads the source
            inputs, identity = self._identify()
        there = all_generations(self.place)
        same = next((it for it in reversed(there) if it.identity == identity), None)
        if same is not None:
            self._leave(same)
            if not self.dry_run:  # a run that was killed may have had no time for it
                self.removed, self.in_use = self._clean()
            return
        last = current_generation(self.place)
        plan = {
            "identity": identity,
            "last": None if last is None else digest_of(last.document),
            "mfcli": __version__,
        }
        staging, resumed = open_staging(self.place, plan)
        if resumed:
            self.on_event(Noted("going on with the night that was cut off"))
        with EventLog(staging.generation / LOG, LogFormat.json, stage="nightly") as log:
            night = self.night = Night(
                place=self.place,
                staging=staging,
                configs=self.configs,
                inputs=inputs,
                last=last,
                on_event=to_all(self.on_event, log),
                now=self.moment(),
                seconds=self.seconds,
            )
            make_night(night)
        self._name(night, identity, there)
        if self.dry_run:
            self.status, self.reason = Status.dry_run, "every gate passes; nothing is published"
            return
        with night.timed(Step.publish):
            self._publish(night, identity, there)

    def moment(self) -> float:
        """Return the time to which the data's age counts: that of --as-of, else now."""
        asked = self.configs.nightly.as_of
        return time.time() if asked is None else parse_as_of(asked).timestamp()

    def _identify(self) -> tuple[list[dict[str, Any]], str]:
        """Return what the source is, and what tells a night from another one, in short.

        That are its inputs and options, gates left out.
        """
        from mfcli.sources.identity import identify

        inputs = identify(self.configs.source, self.configs.run.fetch, self.on_event)
        options = self.configs.stored()
        del options["gates"]
        for table, config in self.configs.tables.items():
            for name in names_with(type(config), Role.gate):
                options[table].pop(name, None)
        files = {
            f"{table}.{name}": [it["sha256"] for it in identify([str(path)])]
            for table, name, path in self.configs.files
        }
        return inputs, digest_of({"inputs": inputs, "options": options, "files": files})

    def _leave(self, same: Generation) -> None:
        """Say that tonight's generation is there already."""
        self.same, self.name, self.as_of = same, same.name, same.document.get("as_of")
        self.status = Status.unchanged
        current = self.place.current_name()
        self.reason = f"{same.name} is published already: the source and the options are the same"
        if current != same.name:
            self.reason = (
                f"{same.name} is there already and {current} is current: --rollback {same.name} "
                "publishes it"
            )
        self.on_event(Noted(self.reason))

    def _name(self, night: Night, identity: str, there: list[Generation]) -> None:
        self.as_of = as_of_time(self.configs.nightly.as_of, night.figures.newest)
        taken = frozenset(it.name for it in there)
        self.name = generation_name(self.as_of, identity, taken)

    def _publish(self, night: Night, identity: str, there: list[Generation]) -> None:
        assert self.name is not None
        built = night.staging.generation
        night.staging.tidy()
        verdicts = [it.to_json() for it in night.verdicts if it.gate not in self._by_clock()]
        model = night.held.checkpoint(night.staging.model, mapped=True)
        write_manifest(
            built,
            {
                "mfcli": __version__,
                "name": self.name,
                "as_of": self.as_of,
                "number": 1 + max((it.number for it in there), default=0),
                "last": None if night.last is None else night.last.name,
                "identity": identity,
                "inputs": night.inputs,
                "options": self.configs.stored(),
                "figures": night.figures.to_json(),
                "gates": verdicts,
                "files": describe_files(built),
                "lineage": lineage_of(model.meta),
                "times": {
                    "started": clock.stamp(self.began),
                    "published": time.time(),
                    "seconds": _rounded(self.seconds),
                },
            },
        )
        publish(self.place, built, self.name)
        self.status = Status.published
        self.removed, self.in_use = self._clean()

    def _by_clock(self) -> frozenset[str]:
        """Return the gates whose figures differ when the same night is made at another time."""
        if self.configs.nightly.as_of is None:
            return BY_CLOCK
        return BY_CLOCK - {Gate.age}  # which counts to the time of --as-of

    def _clean(self) -> tuple[list[str], list[str]]:
        """Remove what is not kept; a failure here undoes nothing, and is told."""
        try:
            return clean(self.place, parse_keep(self.configs.nightly.keep))
        except OSError as error:
            text = f"old generations could not be removed: {error}"
            self.on_event(Warned(WarningCode.clean_up, text))
            return [], []

    def fail(self, error: BaseException) -> None:
        """Keep what ended the run, for latest.json and for whoever called."""
        expected = expected_error(error)
        self.error = error
        self.status = next(
            (status for kind, status in _ENDS.items() if isinstance(expected, kind)), Status.failed
        )
        self.exit_status = 1 if expected is None else expected.exit_status
        self.reason = str(expected or repr(error))

    def tell(self) -> None:
        """Write latest.json; a full disk may leave no room for it, and a failure fails no night."""
        if self.dry_run:
            return
        with suppress(OSError):
            write_status(self.place, self.document())
            return
        self.on_event(Warned(WarningCode.clean_up, f"{self.place.latest}: could not be written"))

    def call_hook(self) -> None:
        """Run the command that is to run after such an end."""
        hooks = self.configs.hooks
        failed = self.error is not None
        command = hooks.on_failure if failed else hooks.on_success
        if not command or self.dry_run or self.status is Status.unchanged:
            return
        variables = {
            "MFCLI_STATUS": str(self.status),
            "MFCLI_EXIT_STATUS": str(self.exit_status),
            "MFCLI_REASON": self.reason,
            "MFCLI_FOLDER": str(self.place.folder.resolve()),
            "MFCLI_CURRENT": str(self.place.current.resolve()),
            "MFCLI_GENERATION": "" if failed else str(self.name),
            "MFCLI_CHANGES": "" if failed else self.changes(),
            "MFCLI_LATEST": str(self.place.latest.resolve()),
        }
        trouble = run_hook(command, variables, hooks.timeout)
        if trouble is not None:
            which = "on-failure" if failed else "on-success"
            self.on_event(Warned(WarningCode.hook, f"[nightly.hooks] {which}: {trouble}"))

    def changes(self) -> str:
        """Return the path of the table of lists that changed, "" where there is none."""
        found = self.place.generation(str(self.name)).glob(f"{CHANGES}.*")
        return next((str(path.resolve()) for path in found), "")

    def counted(self) -> dict[str, Any]:
        """Return the figures of the night, as far as it came; or of the one that is there."""
        if self.night is not None:
            return self.night.figures.to_json()
        return {} if self.same is None else self.same.figures.to_json()

    def document(self) -> dict[str, Any]:
        """Return what latest.json holds."""
        night = self.night
        return {
            "status": str(self.status),
            "exit_status": None if self.status is Status.running else self.exit_status,
            "reason": self.reason,
            "generation": self.name if self.error is None else None,
            "as_of": self.as_of,
            "current": self.place.current_name(),
            "last": None if night is None or night.last is None else night.last.name,
            "figures": self.counted(),
            "gates": [] if night is None else [it.to_json() for it in night.verdicts],
            "seconds": _rounded(self.seconds),
            "reused": [] if night is None else night.reused,
            "warnings": [it.document() for it in self.warned],
            "times": {
                "started": clock.stamp(self.began),
                "ended": None if self.status is Status.running else clock.stamp(clock.now()),
            },
            "mfcli": __version__,
            "before": self.before,
        }

    def result(self) -> NightResult:
        """Return what the command shows."""
        night = self.night
        return NightResult(
            folder=str(self.place.folder),
            status=str(self.status),
            reason=self.reason,
            generation=self.name,
            as_of=self.as_of,
            current=self.place.current_name(),
            counted=self.counted(),
            gates=[] if night is None else [it.to_json() for it in night.verdicts],
            reused=[] if night is None else [str(step) for step in night.reused],
            removed=self.removed,
            in_use=self.in_use,
            seconds=_rounded(self.seconds),
        )


def _told(result: NightResult) -> dict[str, Any]:
    """Return the figures of a night as a log and a monitor know them from other stages."""
    counted = result.counted
    known = {"n_ratings": "rows", "n_users": "users", "n_items": "items"}
    lists = ("lists", "list_rows", "lists_added", "lists_changed", "lists_dropped")
    same = (*lists, "coverage", "churn", "popular", "newest", "metrics")
    found = {**known, **{name: name for name in same}}
    return {told: counted.get(name) for told, name in found.items()} | {"steps": result.seconds}


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {str(step): round(spent, 3) for step, spent in seconds.items()}
